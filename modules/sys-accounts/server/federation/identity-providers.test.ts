import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology } from '@mainstay/testing';
import { IdentityProvidersService } from '../../contract/index.ts';
import { connect, oidc } from '../../testing/federation/federated-login.ts';
import { clientSecret } from '../../testing/federation/oidc-provider.ts';
import { TestOrg } from '../../testing/test-org.ts';

const refusedWith = (reason: string) => (error: unknown) => reasonOf(error) === `sys-accounts.${reason}`;
const issuer = 'https://login.example.org';

everyTopology('an administrator connects a provider, is told what to enter at the other side, and never sees its secret again', async (deployment) => {
  const org = await TestOrg.in(deployment);
  const made = await connect(org, oidc(issuer));
  const own = made.ownAddresses!;
  assert.deepEqual([own.redirectUri, own.samlAcsUrl], [`${deployment.address}/oauth2/external/${made.identityProviderId}`, `${deployment.address}/saml2/${made.identityProviderId}/acs`]);
  const providers = await org.client(IdentityProvidersService);
  const { identityProviderId } = made;
  const got = await providers.getIdentityProvider({ identityProviderId });
  assert.deepEqual([got.settings.case === 'oidc' && got.settings.value.hasClientSecret, JSON.stringify(got, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)).includes(clientSecret)], [true, false]);
  const renamed = await providers.updateIdentityProvider({ identityProvider: { identityProviderId, name: 'Our directory', etag: got.etag } });
  assert.deepEqual([renamed.name, renamed.settings.value, renamed.justInTime], ['Our directory', got.settings.value, true]);
  await assert.rejects(providers.updateIdentityProvider({ identityProvider: { identityProviderId, name: 'Too late', etag: got.etag } }), (error) => reasonOf(error) === 'kernel.CHANGED_MEANWHILE');
  const settings = { case: 'oidc' as const, value: { issuer, clientId: 'another' } };
  const kept = await providers.updateIdentityProvider({ identityProvider: { identityProviderId, settings } });
  assert.deepEqual([kept.settings.case === 'oidc' && kept.settings.value.clientId, kept.settings.case === 'oidc' && kept.settings.value.hasClientSecret], ['another', true]);
  assert.deepEqual((await providers.listIdentityProviders({})).identityProviders.map(({ name }) => name), ['Our directory']);
  await providers.deleteIdentityProvider({ identityProviderId });
  await assert.rejects(providers.getIdentityProvider({ identityProviderId }), refusedWith('IDENTITY_PROVIDER_NOT_FOUND'));
});

everyTopology('a provider that is not right is refused with every field, and one of another org is not found', async (deployment) => {
  const [org, other] = [await TestOrg.in(deployment), await TestOrg.in(deployment)];
  const providers = await org.client(IdentityProvidersService);
  const wrong = [
    {},
    oidc('ftp://login.example.org'),
    oidc('https://login.example.org/?tenant=1'),
    oidc('https://user:secret@login.example.org'),
    { settings: { case: 'oauth2' as const, value: { authorizationEndpoint: 'https://a.test/', tokenEndpoint: 'not an address', userinfoEndpoint: 'https://a.test/#x', clientId: 'x' } } },
    { settings: { case: 'saml' as const, value: { entityId: 'x', signInUrl: 'https://a.test/', certificates: ['no certificate'] } } },
  ];
  for (const settings of wrong) await assert.rejects(connect(org, settings), refusedWith('IDENTITY_PROVIDER_UNFIT'), JSON.stringify(settings));
  await assert.rejects(connect(org, { ...oidc(issuer), name: ' ' }), refusedWith('NAME_REQUIRED'));
  const { identityProviderId } = await connect(other, oidc(issuer));
  for (const attempt of [() => providers.getIdentityProvider({ identityProviderId }), () => providers.updateIdentityProvider({ identityProvider: { identityProviderId, name: 'mine' } }), () => providers.deleteIdentityProvider({ identityProviderId })]) await assert.rejects(attempt, refusedWith('IDENTITY_PROVIDER_NOT_FOUND'));
  await assert.rejects((await deployment.client(IdentityProvidersService, org.admin.accessToken)).createIdentityProvider({ identityProvider: { name: 'x', ...oidc(issuer) } }), refusedWith('ORG_PERSONAL'));
});

everyTopology('a secret is not sent elsewhere by who does not know it, and whom a provider speaks for stays once somebody is known there', async (deployment) => {
  const org = await TestOrg.in(deployment);
  const providers = await org.client(IdentityProvidersService);
  const { identityProviderId } = await connect(org, oidc(issuer));
  const elsewhere = (more: object) => providers.updateIdentityProvider({ identityProvider: { identityProviderId, settings: { case: 'oidc', value: { issuer: 'https://elsewhere.test', clientId: 'x', ...more } } } });
  await assert.rejects(elsewhere({}), refusedWith('IDENTITY_PROVIDER_UNFIT'));
  await elsewhere({ clientSecret: 'another' });
  await deployment.sqlOf('sys-accounts', `insert into sys_accounts.sys_accounts_external_identities (provider_id, subject, account_id) values ($1, 'somebody', $2)`, [identityProviderId, org.admin.accountId]);
  await assert.rejects(providers.updateIdentityProvider({ identityProvider: { identityProviderId, ...oidc(issuer) } }), refusedWith('IDENTITY_PROVIDER_IN_USE'));
  await assert.rejects(providers.updateIdentityProvider({ identityProvider: { identityProviderId, settings: { case: 'oauth2', value: { authorizationEndpoint: issuer, tokenEndpoint: issuer, userinfoEndpoint: issuer, clientId: 'x' } } } }), refusedWith('IDENTITY_PROVIDER_UNFIT'));
});
