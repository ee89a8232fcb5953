import assert from 'node:assert/strict';
import { createVerify, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { bootstrapFrom } from '@mainstay/kernel';
import { startDeployment } from '@mainstay/testing';
import accounts from '../../../module.ts';
import { connect, FederatedLogin } from '../../../testing/federation/federated-login.ts';
import { TestOrg } from '../../../testing/test-org.ts';
import { firstData, loadFirstData } from '../../bootstrap.ts';
import { makeServiceCertificate } from './service-certificate.ts';
import { rotateServiceKeys } from './service-keys.ts';

/** sys-accounts, looking at every start whether it is time for another key. */
const rotating = {
  ...accounts,
  database: {
    ...accounts.database!,
    bootstrap: bootstrapFrom(new URL('../../../database/bootstrap.yaml', import.meta.url), firstData, async (needs: Parameters<typeof loadFirstData>[0], data, tools) => {
      await loadFirstData(needs, data, tools);
      await rotateServiceKeys(needs);
    }),
  },
};

test('our key changes before its certificate is over: the next one stands beside it for a month before it signs, and the old one for another', async () => {
  const deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null }, ownModules: [rotating] });
  try {
    const org = await TestOrg.in(deployment);
    await org.own();
    const { certificate } = await makeServiceCertificate('idp');
    const { ownAddresses } = await connect(org, { settings: { case: 'saml', value: { entityId: 'https://idp.test', signInUrl: 'https://idp.test/sso', certificates: [certificate] } } });
    const known = async () => [...(await (await fetch(`${deployment.address}${new URL(ownAddresses!.samlMetadataUrl).pathname}`)).text()).matchAll(/<ds:X509Certificate>([^<]+)</g)].map(([, text]) => new X509Certificate(Buffer.from(text!, 'base64')));
    const signer = async () => {
      const [, signed, signature] = /\?(.*)&Signature=(.*)$/.exec(await (await FederatedLogin.at(deployment)).leave(`grace@${org.domain}`))!;
      return (await known()).find(({ publicKey }) => createVerify('RSA-SHA256').update(signed!).verify(publicKey, decodeURIComponent(signature!), 'base64'))?.fingerprint256;
    };
    const prints = async () => (await known()).map(({ fingerprint256 }) => fingerprint256);
    const age = (older: string) => deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_saml_keys set created_at = created_at - interval '${older}'`);

    const [first, ...none] = await prints();
    assert.deepEqual([none, await signer()], [[], first]);
    const [{ validFromDate, validToDate, subject }] = (await known()) as [X509Certificate];
    assert.deepEqual([validToDate.getUTCFullYear() - validFromDate.getUTCFullYear(), subject], [4, 'CN=test']);
    await deployment.restart();
    assert.deepEqual(await prints(), [first]);

    await age('3 years 1 day');
    await deployment.restart();
    const [second] = await prints();
    assert.deepEqual([await prints(), await signer()], [[second, first], first]);

    await age('31 days');
    await deployment.restart();
    assert.deepEqual([await prints(), await signer()], [[second, first], second]);

    await age('30 days');
    await deployment.restart();
    assert.deepEqual([await prints(), await signer()], [[second], second]);
  } finally {
    await deployment.stop();
  }
});
