import assert from 'node:assert/strict';
import { after } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import { AuditService } from '@mainstay/sys-core/contract';
import { everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { assurance, ExternalIdentitiesService, GroupMappingsService, Role } from '../../contract/index.ts';
import { connect, FederatedLogin, oidc } from '../../testing/federation/federated-login.ts';
import { startOidcProvider, type People } from '../../testing/federation/oidc-provider.ts';
import { mailTo } from '../../testing/mail.ts';
import { password, Person } from '../../testing/people.ts';
import { TestOrg } from '../../testing/test-org.ts';

const people: People = {};
const providers: { stop(): void }[] = [];
after(() => providers.forEach((provider) => provider.stop()));

/** An org with a domain and an `oidc-provider` for it. */
async function federated(deployment: TestDeployment, changes: object = {}) {
  const org = await TestOrg.in(deployment);
  await org.own();
  const external = await startOidcProvider(people);
  providers.push(external);
  const provider = await connect(org, { ...oidc(external.issuer), ...changes });
  await external.letIn(provider.ownAddresses!.redirectUri);
  return { org, external, provider };
}

type Federated = Awaited<ReturnType<typeof federated>>;

/** A person of the org's directory. */
function inDirectory({ org }: Pick<Federated, 'org'>, claims: Record<string, unknown> = {}): { login: string; email: string } {
  const login = crypto.randomUUID();
  const email = `${login}@${org.domain}`;
  people[login] = { email, email_verified: true, name: 'Grace', ...claims };
  return { login, email };
}

/** Goes through a login at the provider of the org, as far as it goes by itself. */
async function through(deployment: TestDeployment, { external }: Federated, { login, email }: { login: string; email: string }, params: Record<string, string> = {}): Promise<FederatedLogin> {
  const flow = await FederatedLogin.at(deployment, params);
  await flow.comeBack(await external.logIn(await flow.leave(email), login));
  return flow;
}

everyTopology('a newcomer of a domain of the org gets an account that the org looks after, and the next time it is the same', async (deployment) => {
  const there = await federated(deployment);
  await (await there.org.client(GroupMappingsService)).createGroupMapping({ groupMapping: { groupName: 'leads', role: Role.ADMIN } });
  const grace = inDirectory(there, { groups: ['leads', 'others'] });
  const first = await (await through(deployment, there, grace)).end();
  assert.deepEqual([first.email, first.acr, first.amr], [grace.email, assurance.oneFactor, ['fed']]);
  assert.deepEqual((await there.org.roles()).get(first.accountId), ['ADMIN', 'USER']);
  people[grace.login]!.groups = [];
  const second = await (await through(deployment, there, grace)).end();
  assert.equal(second.accountId, first.accountId);
  assert.deepEqual((await there.org.roles()).get(first.accountId), ['USER']);
  const { externalIdentities } = await (await deployment.client(ExternalIdentitiesService, second.accessToken)).listExternalIdentities({});
  assert.deepEqual(externalIdentities.map(({ subject, email, providerName }) => [subject, email, providerName]), [[grace.login, grace.email, there.provider.name]]);
  assert.match((await mailTo(deployment, grace.email, 'identity-linked')).text, new RegExp(there.org.domain));
  const audit = await deployment.client(AuditService, 'root@mainstay.test');
  const named = async () => (await audit.listAuditEntries({ method: 'sys.accounts.v1.OAuthService/Interact', subjectId: first.accountId })).entries.filter(({ subjects }) => subjects.identity_provider_id === there.provider.identityProviderId);
  await until(async () => (await named()).length === 2, 'both logins are in the audit, with whom they logged in');
});

everyTopology('who has an account logs in to it once, and is linked; nobody is without', async (deployment) => {
  const there = await federated(deployment);
  const grace = inDirectory(there);
  const account = await Person.in(deployment, grace.email);
  const other = await Person.in(deployment, `${crypto.randomUUID()}@${there.org.domain}`);
  const flow = await through(deployment, there, grace);
  assert.match(flow.page.text, /Link your account/);
  assert.match(flow.page.text, new RegExp(`${there.provider.name}, and whoever runs it`));
  await flow.submit({ password: 'not the password' });
  assert.match(flow.problem!, /wrong/);
  // Whatever address a form names, it is that of the account that is to be linked.
  await flow.submit({ email: other.email, password });
  assert.equal((await flow.end()).accountId, account.accountId);
  const again = await (await through(deployment, there, grace)).end();
  assert.deepEqual([again.accountId, again.amr], [account.accountId, ['fed']]);
  assert.deepEqual((await there.org.roles()).get(account.accountId), ['USER']);
  const identities = await deployment.client(ExternalIdentitiesService, account.accessToken);
  const { externalIdentities: [identity] } = await identities.listExternalIdentities({});
  await assert.rejects((await deployment.client(ExternalIdentitiesService, other.accessToken)).deleteExternalIdentity({ externalIdentityId: identity!.externalIdentityId }), (error) => reasonOf(error) === 'sys-accounts.EXTERNAL_IDENTITY_NOT_FOUND');
  await identities.deleteExternalIdentity({ externalIdentityId: identity!.externalIdentityId });
  assert.match((await through(deployment, there, grace)).page.text, /Link your account/);
});

everyTopology('whoever has a second factor shows it to be linked, and at each login unless the provider is trusted for it', async (deployment) => {
  const there = await federated(deployment);
  const grace = inDirectory(there);
  const account = await Person.in(deployment, grace.email);
  const { app, recoveryCodes } = await account.addTotp();
  const flow = await through(deployment, there, grace);
  await flow.submit({ password });
  assert.match(flow.page.text, /name="totp"/);
  assert.equal((await identitiesOf(deployment, account)).length, 0);
  await flow.submit({ totp: app.code() });
  assert.deepEqual(await flow.end().then(({ accountId, acr }) => [accountId, acr]), [account.accountId, assurance.twoFactors]);
  assert.equal((await identitiesOf(deployment, account)).length, 1);
  const next = await through(deployment, there, grace);
  await next.submit({ totp: app.oldCode() });
  assert.match(next.problem!, /does not prove it/);
  await next.submit({ recovery: recoveryCodes[0]! });
  assert.deepEqual(await next.end().then(({ acr, amr }) => [acr, amr.includes('fed')]), [assurance.twoFactors, true]);
});

const identitiesOf = async (deployment: TestDeployment, { accessToken }: Person) => (await (await deployment.client(ExternalIdentitiesService, accessToken)).listExternalIdentities({})).externalIdentities;

everyTopology('what is kept of logins elsewhere is in the copy of one\'s data, and goes with the account, which no provider makes again', async (deployment) => {
  const there = await federated(deployment);
  const grace = inDirectory(there);
  const account = await Person.in(deployment, grace.email);
  const flow = await through(deployment, there, grace);
  await flow.submit({ password });
  await flow.end();
  const copy = (await (await deployment.fetch('/v1/accounts/me:export', { as: account.accessToken })).json()) as { externalIdentities: Record<string, unknown>[] };
  assert.deepEqual(copy.externalIdentities.map(({ provider, subject, email }) => [provider, subject, email]), [[there.provider.name, grace.login, grace.email]]);
  await (await account.accounts()).closeAccount({ accountId: 'me', password });
  const again = await through(deployment, there, grace);
  assert.match(again.problem!, /no member of the organization/);
  const left = await deployment.sqlOf('sys-accounts', 'select id from sys_accounts.sys_accounts_external_identities where subject = $1', [grace.login]);
  assert.equal(left.length, 0);
});
