import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDeployment } from '@mainstay/testing';
import { craftedOrg } from '../../testing/federation/crafted-org.ts';
import type { Misbehaviour } from '../../testing/federation/crafted-provider.ts';
import { clientSecret } from '../../testing/federation/oidc-provider.ts';

const told = 'a-secret-that-is-told';
const ways: Misbehaviour[] = [
  {},
  { wrongKey: true },
  { claims: (right) => ({ ...right, nonce: 'another' }) },
  { paths: { '/token': (_, response) => void response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error: 'invalid_grant', error_description: told })) } },
];

test('no secret, code, state or token of a login at a provider is in the log, also where it fails, and only sealed ones are kept', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-federation-log-'));
  const logFile = join(folder, 'log');
  const deployment = await startDeployment({ logFile, logLevel: 'trace' });
  const there = await craftedOrg(deployment);
  t.after(async () => {
    there.external.stop();
    await deployment.stop();
    rmSync(folder, { recursive: true });
  });
  const secrets = [clientSecret];
  const tokens: string[] = [];
  for (const misbehaves of ways) {
    there.external.misbehaves = misbehaves;
    const { flow, back } = await there.sentBack(there.somebody());
    const { searchParams } = new URL(back);
    secrets.push(searchParams.get('state')!, searchParams.get('code')!, there.external.lastAsked!.get('nonce')!);
    const stored = JSON.stringify(await deployment.sqlOf('sys-accounts', `select encode(sealed_checks, 'escape') as checks, encode(state_hash, 'escape') as state from sys_accounts.sys_accounts_external_logins`));
    for (const secret of secrets) assert.ok(!stored.includes(secret));
    await flow.comeBack(back);
  }
  tokens.push(...there.external.given, told);
  assert.ok(tokens.length > 3);
  const kept = JSON.stringify(await deployment.sqlOf('sys-accounts', `select settings::text, encode(sealed_secret, 'escape') as secret from sys_accounts.sys_accounts_identity_providers`));
  assert.ok(!kept.includes(clientSecret));
  const log = readFileSync(logFile, 'utf8');
  assert.match(log, /an identity provider logged nobody in/);
  for (const secret of [...secrets, ...tokens]) assert.ok(!log.includes(secret), secret);
});
