import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDeployment, until } from '@mainstay/testing';
import { ClientGrant, OAuthService, Role } from '../../contract/index.ts';
import { newClient } from '../../testing/oauth-client.ts';

test('a failure of the provider is in the log, but not of what nobody waits for any more', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-leaving-'));
  const logFile = join(folder, 'log');
  const deployment = await startDeployment({ logFile, logLevel: 'warn' });
  t.after(async () => {
    await deployment.stop();
    rmSync(folder, { recursive: true });
  });
  const { client, secret } = await newClient(deployment, { grants: [ClientGrant.CLIENT_CREDENTIALS], redirectUris: [], serviceRole: Role.USER });
  const provider = await deployment.client(OAuthService);
  const authorization = `Basic ${Buffer.from(`${client.client_id}:${secret}`).toString('base64')}`;
  const request = { method: 'POST', target: '/oauth2/token', headers: [{ name: 'authorization', value: authorization }, { name: 'content-type', value: 'application/x-www-form-urlencoded' }], body: Buffer.from('grant_type=client_credentials&scope=api') };
  assert.equal((await provider.issueToken(request)).status, 200);
  const table = 'sys_accounts.sys_accounts_oauth_clients';
  // While somebody holds the table the provider waits for it in the middle of an answer, and then it is gone.
  const held = deployment.sqlOf('sys-accounts', `begin; lock table ${table} in access exclusive mode; select pg_sleep(2); alter table ${table} rename to elsewhere; commit`);
  await until(async () => (await deployment.sqlOf('sys-accounts', `select from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = '${table}'::regclass`)).length > 0, 'the table is held');
  await assert.rejects(provider.issueToken(request, { timeoutMs: 300 }), /deadline_exceeded/);
  await assert.rejects(provider.issueToken(request, { signal: AbortSignal.timeout(300) }), /timeout|canceled|aborted/i);
  await held;
  const answers = await Promise.all([provider.issueToken(request), provider.issueToken(request)]);
  assert.deepEqual(answers.map(({ status }) => status), [500, 500]);
  await deployment.sqlOf('sys-accounts', `alter table sys_accounts.elsewhere rename to sys_accounts_oauth_clients`);
  assert.equal((await provider.issueToken(request)).status, 200);
  const failures = readFileSync(logFile, 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as { msg: string }).msg);
  assert.deepEqual(failures, ['the provider failed', 'the provider failed']);
});
