import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootstrapFrom } from '@mainstay/kernel';
import { startProcess, type RunningProcess } from '@mainstay/kernel/process';
import { createLog, testDatabase } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import { startDeployment, type TestDeployment } from '@mainstay/testing';
import { decodeProtectedHeader } from 'jose';
import { SessionsService } from '../contract/index.ts';
import accounts from '../module.ts';
import { firstData, loadFirstData } from './bootstrap.ts';
import { rotateSigningKey } from './signing-keys.ts';

const demo = { email: 'ada@acme.test', password: 'mainstay-demo' };
const keyOf = (accessToken: string) => decodeProtectedHeader(accessToken).kid;
const logIn = async (deployment: TestDeployment) => (await (await deployment.client(SessionsService)).createSession(demo)).accessToken;

/** sys-accounts, changing its signing key at every start. */
const rotating = {
  ...accounts,
  database: {
    ...accounts.database!,
    bootstrap: bootstrapFrom(new URL('../database/bootstrap.yaml', import.meta.url), firstData, async (needs: Parameters<typeof loadFirstData>[0], data, tools) => {
      await loadFirstData(needs, data, tools);
      await rotateSigningKey(needs);
    }),
  },
};

test('the signing key changes, and what the old one signed stays good', async () => {
  const deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null }, ownModules: [rotating] });
  try {
    const before = await logIn(deployment);
    await deployment.restart();
    const after = await logIn(deployment);
    assert.notEqual(keyOf(after), keyOf(before));
    for (const token of [before, after]) assert.equal((await deployment.fetch('/v1/accounts/me', { as: token })).status, 200);
  } finally {
    await deployment.stop();
  }
});

test("two processes that start at once sign with one key and know each other's sessions", async () => {
  const database = await testDatabase();
  const deployment = {
    name: 'test',
    phase: 'T' as const,
    http: { host: 'localhost', port: 0, bodyLimitBytes: 1 << 20 },
    modules: modules.filter(({ name }) => name === 'sys-core' || name === 'sys-accounts' || name === 'sys-email').map((module) => ({ module, config: module.config.parse({}), optional: false })),
  };
  const secret = randomBytes(32).toString('hex');
  const dataFolder = mkdtempSync(join(tmpdir(), 'mainstay-data-'));
  const start = () => startProcess({ deployment, databaseUrl: database.adminUrl, databaseName: database.name, secret, dataFolder, log: createLog({ level: 'fatal' }), announce: () => {} });
  const processes = await Promise.all([start(), start()]);
  try {
    const tokens = await Promise.all(processes.map(logInTo));
    assert.equal(keyOf(tokens[0]!), keyOf(tokens[1]!));
    for (const { address } of processes) {
      for (const token of tokens) assert.equal((await fetch(`${address}/v1/accounts/me`, { headers: { authorization: `Bearer ${token}` } })).status, 200);
    }
  } finally {
    await Promise.all(processes.map((running) => running.stop()));
    await database.drop();
    rmSync(dataFolder, { recursive: true });
  }
});

async function logInTo({ address }: RunningProcess): Promise<string> {
  const response = await fetch(`${address}/v1/sessions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(demo) });
  return ((await response.json()) as { accessToken: string }).accessToken;
}
