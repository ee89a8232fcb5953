import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CommandTools } from '@mainstay/kernel';
import { startDeployment, type TestDeployment } from '@mainstay/testing';
import { Command } from 'commander';
import { exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'oauth4webapi';
import { discover, insecure } from '../testing/oauth-client.ts';
import clients from './clients.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-clients-'));
let deployment: TestDeployment;

before(async () => {
  deployment = await startDeployment({});
});

after(async () => {
  await deployment.stop();
  rmSync(folder, { recursive: true });
});

async function run(...args: string[]) {
  const lines: string[] = [];
  const rows: Record<string, string>[] = [];
  const tools: CommandTools = { client: (service) => deployment.client(service, 'olga@acme.test'), print: (line) => void lines.push(line), table: (table) => void rows.push(...table), progress: () => {}, json: false };
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  const group = program.command('clients').exitOverride();
  clients(group, tools);
  for (const command of group.commands) command.exitOverride().configureOutput({ writeErr: () => {} });
  await program.parseAsync(['clients', ...args], { from: 'user' });
  return { rows, text: lines.join('\n') };
}

async function added(...args: string[]): Promise<{ id: string; secret: string }> {
  const { text } = await run('add', ...args);
  return { id: /client_id +(\S+)/.exec(text)![1]!, secret: /client_secret +(\S+)/.exec(text)?.[1] ?? '' };
}

test('a client that was made on the command line gets tokens until its secret changes', async () => {
  const { id, secret } = await added('Night shift', '--grant', 'credentials', '--role', 'user');
  const provider = await discover(deployment);
  const tokenBy = async (given: string) => (await oauth.clientCredentialsGrantRequest(provider, { client_id: id }, oauth.ClientSecretBasic(given), {}, insecure)).status;
  assert.equal(await tokenBy(secret), 200);
  const rotated = /client_secret +(\S+)/.exec((await run('rotate', id)).text)![1]!;
  assert.deepEqual([await tokenBy(secret), await tokenBy(rotated)], [401, 200]);
  assert.match((await run('disable', id)).text, /state +disabled/);
  assert.notEqual(await tokenBy(rotated), 200);
  assert.match((await run('enable', id)).text, /state +enabled/);
  assert.equal(await tokenBy(rotated), 200);
  assert.match((await run('remove', id)).text, /removed/);
  assert.equal(await tokenBy(rotated), 401);
  await assert.rejects(run('show', id), /no OAuth client/);
});

test('a client is changed in what is named, and in nothing else', async () => {
  const { publicKey } = await generateKeyPair('ES256');
  const keys = join(folder, 'keys.json');
  writeFileSync(keys, JSON.stringify({ keys: [await exportJWK(publicKey)] }));
  const { id, secret } = await added('Books', '--grant', 'code', 'exchange', '--redirect', 'https://books.test/a', 'https://books.test/b', '--proof', 'keys', '--keys', keys, '--scope', 'openid', 'api', '--dpop');
  assert.equal(secret, '');
  const { text } = await run('change', id, '--redirect', 'https://books.test/c', '--no-dpop', '--pushed');
  assert.match(text, /redirects +https:\/\/books\.test\/c\n/);
  assert.match(text, /grants +code exchange\n/);
  assert.match(text, /proof +keys\n/);
  assert.match(text, /demands +pushed requests$/);
  const [row] = (await run('list', '--filter', 'name = "Books"')).rows;
  assert.deepEqual({ ...row, made: '' }, { id, name: 'Books', grants: 'code exchange', proof: 'keys', state: 'enabled', made: '' });
});

test('what is no client says so before anything is made', async () => {
  await assert.rejects(run('add', 'Wrong', '--grant', 'password'), /It must be code or device or credentials or exchange/);
  await assert.rejects(run('add', 'Wrong', '--grant', 'credentials'), /say what it may do by itself: USER or ADMIN/);
  await assert.rejects(run('change', crypto.randomUUID()), /Say what to change/);
  await assert.rejects(run('add', 'Wrong', '--grant', 'code', '--redirect', 'https://x.test/', '--proof', 'keys', '--keys', join(folder, 'none.json')), /ENOENT/);
});
