import assert from 'node:assert/strict';
import { after } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { AccountsService, assurance, ExternalIdentitiesService, IdentityProvidersService, OrgsService } from '../../contract/index.ts';
import { craftedOrg } from '../../testing/federation/crafted-org.ts';
import { clientId, clientSecret } from '../../testing/federation/oidc-provider.ts';

const started: { stop(): void }[] = [];
after(() => started.forEach((server) => server.stop()));

async function crafted(deployment: TestDeployment, changes: object = {}) {
  const there = await craftedOrg(deployment, changes);
  started.push(there.external);
  return there;
}

everyTopology('what a provider that is trusted says of second factors counts; one that says nothing has asked for two', async (deployment) => {
  const there = await crafted(deployment, { trustsSecondFactor: true });
  const who = there.somebody();
  const shown = async (claims: object) => {
    const { acr, amr } = await (await there.through({ ...who, ...claims })).end();
    return [acr, amr];
  };
  assert.deepEqual(await shown({}), [assurance.twoFactors, ['fed', 'mfa']]);
  assert.deepEqual(await shown({ amr: ['pwd'] }), [assurance.oneFactor, ['fed', 'pwd']]);
  assert.deepEqual(await shown({ amr: ['pwd', 'otp'] }), [assurance.twoFactors, ['fed', 'pwd', 'otp', 'mfa']]);
});

everyTopology('where two factors are wanted the provider is asked for them, and to ask anew', async (deployment) => {
  const there = await crafted(deployment, { trustsSecondFactor: true });
  const { issuer } = there.external;
  const providers = await there.org.client(IdentityProvidersService);
  const { identityProviderId } = there.provider;
  await providers.updateIdentityProvider({ identityProvider: { identityProviderId, settings: { case: 'oidc', value: { issuer, clientId, clientSecret, twoFactorsAcrValues: ['urn:two'] } } } });
  const { flow, back } = await there.sentBack({ ...there.somebody(), acr: 'urn:two', amr: ['pwd'] } as never, { acr_values: assurance.twoFactors, prompt: 'login', max_age: '600', login_hint: `grace@${there.org.domain}` });
  const asked = there.external.lastAsked!;
  assert.deepEqual(['acr_values', 'prompt', 'max_age', 'login_hint', 'code_challenge_method'].map((name) => asked.get(name)), ['urn:two', 'login', '600', `grace@${there.org.domain}`, 'S256']);
  await flow.comeBack(back);
  assert.equal((await flow.end()).acr, assurance.twoFactors);
  const stale = await there.through({ ...there.somebody(), auth_time: Math.floor(Date.now() / 1000) - 3600 } as never, { max_age: '600' });
  assert.match(stale.problem!, /did not answer as it should/, 'who was logged in there long ago proves nothing new');
  const unasked = await there.through({ ...there.somebody(), auth_time: Math.floor(Date.now() / 1000) - 3600 } as never, { prompt: 'login' });
  assert.match(unasked.problem!, /did not answer as it should/, 'it was told to ask');
});

everyTopology('who is locked, was removed from the org, or is no member where the org lets no newcomers in is refused', async (deployment) => {
  const there = await crafted(deployment);
  const [locked, removed, newcomer] = [there.somebody(), there.somebody(), there.somebody()];
  const { accountId: lockedId } = await (await there.through(locked)).end();
  const { accountId: removedId } = await (await there.through(removed)).end();
  await (await deployment.client(AccountsService, 'root@mainstay.test')).lockAccount({ accountId: lockedId, reason: 'a lost laptop' });
  assert.match((await there.through(locked)).problem!, /the account is locked: a lost laptop/);
  await (await there.org.client(OrgsService)).removeMember({ orgId: there.org.orgId, accountId: removedId });
  assert.match((await there.through(removed)).problem!, /no member of the organization/);
  const providers = await there.org.client(IdentityProvidersService);
  const { identityProviderId } = there.provider;
  await providers.updateIdentityProvider({ identityProvider: { identityProviderId, justInTime: false }, updateMask: { paths: ['just_in_time'] } });
  assert.match((await there.through(newcomer)).problem!, /ask its administrator to invite you/);
  const { flow, back } = await there.sentBack(newcomer);
  await providers.updateIdentityProvider({ identityProvider: { identityProviderId, disabled: true }, updateMask: { paths: ['disabled'] } });
  assert.equal((await flow.comeBack(back)).status, 400, 'what was under way is over');
});

everyTopology('who has no other way in does not remove the last one', async (deployment) => {
  const there = await crafted(deployment);
  const { accessToken } = await (await there.through(there.somebody())).end();
  const identities = await deployment.client(ExternalIdentitiesService, accessToken);
  const { externalIdentities: [identity] } = await identities.listExternalIdentities({});
  await assert.rejects(identities.deleteExternalIdentity({ externalIdentityId: identity!.externalIdentityId }), (error) => reasonOf(error) === 'sys-accounts.ONLY_WAY_IN');
  assert.equal((await identities.listExternalIdentities({})).externalIdentities.length, 1);
});

everyTopology('a provider that speaks OAuth 2.0 alone is asked who it is, by the claims that it has', async (deployment) => {
  const there = await crafted(deployment);
  const { issuer } = there.external;
  const providers = await there.org.client(IdentityProvidersService);
  await providers.deleteIdentityProvider({ identityProviderId: there.provider.identityProviderId });
  const settings = { authorizationEndpoint: `${issuer}/authorize`, tokenEndpoint: `${issuer}/token`, userinfoEndpoint: `${issuer}/userinfo`, issuer, clientId, clientSecret, scopes: ['user'], subjectClaim: 'id', emailClaim: 'mail', nameClaim: 'login', emailVerifiedClaim: 'confirmed' };
  await providers.createIdentityProvider({ identityProvider: { name: 'Old but good', justInTime: true, settings: { case: 'oauth2', value: settings } } });
  const mail = `grace@${there.org.domain}`;
  const ended = await (await there.through({ id: 4711, mail, login: 'Grace', confirmed: true } as never)).end();
  assert.equal(ended.email, mail);
  const again = await (await there.through({ id: 4711, mail: `another@${there.org.domain}` } as never)).end();
  assert.equal(again.accountId, ended.accountId, 'it is the subject that is known, whatever the address');
  assert.match((await there.through({ mail } as never)).problem!, /did not answer as it should/);
  assert.match((await there.through({ id: 1, mail, confirmed: false } as never)).problem!, /no e-mail address/);
  there.external.misbehaves = { paths: { '/userinfo': (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('[]') } };
  assert.match((await there.through({ id: 4711, mail } as never)).problem!, /did not answer as it should/);
});
