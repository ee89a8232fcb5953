import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDeployment } from '@mainstay/testing';
import { FederatedLogin } from '../../../testing/federation/federated-login.ts';
import { SamlOrg } from '../../../testing/federation/saml-org.ts';
import { startSamlIdp, withoutSaml } from '../../../testing/judges/saml-idp.ts';

test('the log says what an administrator does about a login that is refused, and nothing about its person, however much is logged', { skip: withoutSaml }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-saml-log-'));
  const logFile = join(folder, 'log');
  const [deployment, idp] = await Promise.all([startDeployment({ logFile, logLevel: 'trace' }), startSamlIdp()]);
  t.after(async () => {
    await Promise.all([deployment.stop(), idp.stop()]);
    rmSync(folder, { recursive: true });
  });
  const expired = await idp.certificate('expired');
  const there = await SamlOrg.in(deployment, idp, {}, { certificates: [await idp.certificate(), expired] });
  const grace = there.employee({ displayName: ['Grace Murray Hopper'], isMemberOf: ['the admirals'] });
  const secrets = [grace.nameId, 'Grace Murray Hopper', 'the admirals'];
  for (const what of [{}, { audience: 'https://other.test' }, { key: 'expired' }, { attack: 'tampered', victim: grace.nameId }, { attack: 'entities', victim: grace.nameId }]) {
    const login = await FederatedLogin.at(deployment);
    const answer = await there.answer(login, grace, what);
    secrets.push(answer.fields.RelayState, answer.fields.SAMLResponse.slice(1000, 1200), encodeURIComponent(answer.fields.SAMLResponse.slice(1000, 1100)));
    await there.comeBack(login, answer);
    if (login.page.status === 200) await login.end();
  }
  const { url } = await idp.logOut({ destination: there.addresses.samlLogoutUrl, nameId: grace.nameId });
  secrets.push(new URL(url).searchParams.get('SAMLRequest')!.slice(50, 150));
  await fetch(url, { redirect: 'manual' });

  const log = readFileSync(logFile, 'utf8');
  const refused = log.split('\n').filter((line) => line.includes('a SAML message is not taken')).map((line) => JSON.parse(line) as { reason: string; msg: string; identityProviderId: string });
  assert.deepEqual(refused.map(({ reason }) => reason), ['WRONG_AUDIENCE', 'CERTIFICATE_OUT_OF_DATE', 'NOT_SIGNED', 'UNREADABLE']);
  for (const { identityProviderId } of refused) assert.equal(identityProviderId, there.provider.identityProviderId);
  assert.match(refused[0]!.msg, /enter the entity id of the metadata at the provider/);
  assert.match(refused[1]!.msg, /have the provider sign with another, and enter that \(SHA-256 [0-9A-F:]{95}, good from/);
  for (const secret of secrets) assert.ok(!log.includes(secret), secret);
});
