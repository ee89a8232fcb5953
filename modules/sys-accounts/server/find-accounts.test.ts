import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bootstrapFrom, defineModule, reasonOf, runInOrg, type Context } from '@mainstay/kernel';
import { readDeployment } from '@mainstay/kernel/deployment';
import { startProcess } from '@mainstay/kernel/process';
import { createLog, testDatabase } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import { z } from 'zod';
import { AccountsService, OrgsService } from '../contract/index.ts';

const requires = { accounts: AccountsService, orgs: OrgsService };

/** A module that, when it starts, uses what this one offers to other modules. */
function asker(folder: string, ask: (needs: Context<typeof requires>) => Promise<void>) {
  mkdirSync(join(folder, 'migrations'));
  writeFileSync(join(folder, 'bootstrap.yaml'), 'phases: [T]\ndata: null\n');
  writeFileSync(join(folder, 'deployment.yaml'), JSON.stringify({ name: 'test', phase: 'T', http: { port: 0 }, modules: { 'sys-core': null, 'sys-accounts': null, 'mod-asker': null } }));
  const file = pathToFileURL(join(folder, 'bootstrap.yaml'));
  return defineModule({
    name: 'mod-asker',
    config: z.strictObject({}),
    requires,
    database: { migrations: pathToFileURL(`${folder}/migrations/`), bootstrap: bootstrapFrom(file, z.null(), (needs: Context<typeof requires>) => ask(needs)) },
  });
}

/** Runs a whole process with the asking module in it. */
async function whenAsked(ask: (needs: Context<typeof requires>) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-test-'));
  const database = await testDatabase();
  try {
    const deployment = readDeployment(join(folder, 'deployment.yaml'), [...modules, asker(folder, ask)]);
    const running = await startProcess({ deployment, databaseUrl: database.adminUrl, databaseName: database.name, secret: randomBytes(32).toString('hex'), log: createLog({ level: 'fatal' }), announce: () => {} });
    await running.stop();
  } finally {
    await database.drop();
    rmSync(folder, { recursive: true });
  }
}

test('a module finds the members of the org it acts in by address and by id, and nobody else', async () => {
  let asked = false;
  await whenAsked(async ({ accounts, orgs }) => {
    const acme = (await orgs.listOrgs({})).orgs.find(({ name }) => name === 'Acme')!;
    await runInOrg(acme.orgId, async () => {
      const { accounts: found } = await accounts.findAccounts({ emails: ['ADA@acme.test', 'eve@umbrella.test', 'nobody@acme.test'] });
      assert.deepEqual(found.map(({ displayName, timeZone }) => [displayName, timeZone]), [['Ada', 'UTC']]);
      const again = await accounts.findAccounts({ accountIds: [found[0]!.accountId, crypto.randomUUID()] });
      assert.deepEqual(again.accounts, found);
      assert.deepEqual((await accounts.findAccounts({})).accounts, []);
      asked = true;
    });
    await assert.rejects(accounts.findAccounts({ emails: ['ada@acme.test'] }), (error) => reasonOf(error) === 'sys-accounts.NO_ORG');
  });
  assert.ok(asked);
});
