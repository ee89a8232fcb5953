import assert from 'node:assert/strict';
import { everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { AccountsService, AccountState, EmailDomainsService, OrgsService, Role } from '../../contract/index.ts';
import { Person } from '../../testing/people.ts';
import { ScimClient } from '../../testing/scim-client.ts';
import { TestOrg } from '../../testing/test-org.ts';

/** An org with a verified domain, and its directory. */
async function connected(deployment: TestDeployment) {
  const org = await TestOrg.in(deployment);
  const domain = await org.own();
  return { org, domain, scim: await ScimClient.of(org) };
}

/** Gives somebody another address, which takes e-mails to both otherwise. */
const useAddress = (deployment: TestDeployment, { accountId }: Person, email: string) => deployment.sqlOf('sys-accounts', 'update sys_accounts.sys_accounts_accounts set email = $1 where id = $2', [email, accountId]);

const stateOf = async (org: TestOrg, accountId: string) => (await (await org.deployment.client(AccountsService, 'root@mainstay.test')).getAccount({ accountId })).state;

everyTopology('a directory makes an account that the org looks after', async (deployment) => {
  const { org, scim } = await connected(deployment);
  const userName = `Ada.Byron@${org.domain}`;
  const made = await scim.createUser({ userName, externalId: '4711', name: { givenName: 'Ada', familyName: 'Byron' }, preferredLanguage: 'de-CH', timezone: 'Europe/Zurich', active: 'True', title: 'Countess', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'Engines' } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id, meta, ...rest } = made.body;
  assert.deepEqual(rest, {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName, externalId: '4711', name: { givenName: 'Ada', familyName: 'Byron' }, preferredLanguage: 'de-CH', timezone: 'Europe/Zurich', active: true,
    emails: [{ value: userName, type: 'work', primary: true }],
  });
  assert.deepEqual([meta.resourceType, meta.location, made.headers.get('location'), made.headers.get('etag')], ['User', `${deployment.address}/scim/v2/Users/${id}`, meta.location, meta.version]);
  assert.match(made.headers.get('content-type')!, /^application\/scim\+json/);
  const account = await (await deployment.client(AccountsService, 'root@mainstay.test')).getAccount({ accountId: id });
  assert.deepEqual([account.email, account.displayName, account.language, account.timeZone, account.emailVerified, account.state], [userName, 'Ada Byron', 'de-CH', 'Europe/Zurich', true, AccountState.ACTIVE]);
  assert.deepEqual((await org.roles()).get(id), ['USER']);
  assert.deepEqual((await scim.get(`/Users/${id}`)).body, made.body);
  const again = await scim.createUser({ userName: userName.toLowerCase() });
  assert.deepEqual([again.status, again.body.scimType, again.body.status], [409, 'uniqueness', '409']);
});

everyTopology('who has an account becomes a member, and the org gets no power over it', async (deployment) => {
  const { org, scim } = await connected(deployment);
  const person = await Person.in(deployment);
  const outside = await scim.createUser({ userName: person.email });
  assert.deepEqual([outside.status, outside.body.scimType], [400, 'invalidValue']);
  assert.match(outside.body.detail, /no verified e-mail domain/);
  await useAddress(deployment, person, `own@${org.domain}`);
  const made = await scim.createUser({ userName: `own@${org.domain}`, displayName: 'Called otherwise' });
  assert.deepEqual([made.status, made.body.id, made.body.displayName, made.body.active], [201, person.accountId, 'Called otherwise', true]);
  const account = await (await person.accounts()).getAccount({ accountId: 'me' });
  assert.equal(account.displayName, 'Somebody', 'the account is the person\'s own');
  assert.deepEqual((await org.roles()).get(person.accountId), ['USER']);
  const off = await scim.patch(`/Users/${person.accountId}`, [{ op: 'Replace', path: 'active', value: 'False' }]);
  assert.deepEqual([off.status, off.body.active], [200, false]);
  assert.equal((await org.roles()).has(person.accountId), false);
  assert.equal(await stateOf(org, person.accountId), AccountState.ACTIVE);
  assert.equal((await (await person.accounts()).getAccount({ accountId: 'me' })).displayName, 'Somebody', 'the session goes on');
  const on = await scim.patch(`/Users/${person.accountId}`, [{ op: 'replace', value: { active: true } }]);
  assert.equal(on.body.active, true);
  assert.deepEqual((await org.roles()).get(person.accountId), ['USER']);
  assert.equal((await scim.delete(`/Users/${person.accountId}`)).status, 204);
  assert.equal((await scim.get(`/Users/${person.accountId}`)).status, 404);
  assert.equal(await stateOf(org, person.accountId), AccountState.ACTIVE);
});

everyTopology('an account that the org looks after is locked and unlocked by its directory, but not what an operator locked', async (deployment) => {
  const { org, scim } = await connected(deployment);
  const { id } = await scim.newUser();
  const off = await scim.patch(`/Users/${id}`, [{ op: 'replace', value: { active: false } }]);
  assert.deepEqual([off.status, off.body.active], [200, false]);
  assert.equal(await stateOf(org, id), AccountState.LOCKED);
  assert.deepEqual((await org.roles()).get(id), ['USER'], 'what they may is there when they come back');
  assert.equal((await scim.patch(`/Users/${id}`, [{ op: 'replace', path: 'active', value: true }])).body.active, true);
  assert.equal(await stateOf(org, id), AccountState.ACTIVE);
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  await root.lockAccount({ accountId: id, reason: 'a reason' });
  assert.equal((await scim.get(`/Users/${id}`)).body.active, false);
  assert.equal((await scim.patch(`/Users/${id}`, [{ op: 'replace', path: 'active', value: true }])).body.active, false);
  assert.equal(await stateOf(org, id), AccountState.LOCKED);
});

everyTopology('who is deleted is closed if they are in no other org, and else is no member any more', async (deployment) => {
  const { org, scim } = await connected(deployment);
  const other = await TestOrg.in(deployment);
  const [alone, shared] = [await scim.newUser(), await scim.newUser()];
  await (await other.client(OrgsService)).addMember({ orgId: other.orgId, email: shared.userName, role: Role.USER });
  assert.equal((await scim.delete(`/Users/${shared.id}`)).status, 204);
  assert.equal(await stateOf(org, shared.id), AccountState.ACTIVE);
  assert.deepEqual((await other.roles()).get(shared.id), ['USER']);
  assert.equal((await scim.delete(`/Users/${alone.id}`)).status, 204);
  assert.equal(await stateOf(org, alone.id), AccountState.DEACTIVATED);
  for (const { id } of [alone, shared]) assert.deepEqual([(await scim.get(`/Users/${id}`)).status, (await scim.delete(`/Users/${id}`)).status], [404, 404]);
  const back = await scim.createUser({ userName: alone.userName });
  assert.deepEqual([back.status, back.body.scimType], [409, 'uniqueness']);
  assert.match(back.body.detail, /closed/);
});

everyTopology('the last administrator stays, whatever the directory says', async (deployment) => {
  const { org, scim } = await connected(deployment);
  const id = org.admin.accountId;
  for (const refused of [await scim.delete(`/Users/${id}`), await scim.patch(`/Users/${id}`, [{ op: 'replace', path: 'active', value: false }])]) {
    assert.equal(refused.status, 400);
    assert.match(refused.body.detail, /last administrator/);
  }
  assert.deepEqual((await org.roles()).get(id), ['ADMIN']);
});

everyTopology('a directory sees its own people and members, and nobody else', async (deployment) => {
  const [mine, other] = [await connected(deployment), await connected(deployment)];
  const { id, userName } = await mine.scim.newUser();
  const { person } = await mine.org.member();
  assert.deepEqual((await mine.scim.get('/Users')).body.Resources.map((user: { id: string }) => user.id).sort(), [mine.org.admin.accountId, person.accountId, id].sort());
  assert.deepEqual(await mine.scim.found(`userName eq "${person.email}"`), [person.email]);
  for (const filter of [`userName eq "${userName}"`, `id eq "${id}"`, `emails.value eq "${userName}"`, `userName co "${mine.org.domain}"`]) assert.deepEqual(await other.scim.found(filter), [], filter);
  const update = [{ op: 'replace', path: 'displayName', value: 'x' }];
  for (const answer of [await other.scim.get(`/Users/${id}`), await other.scim.delete(`/Users/${id}`), await other.scim.replaceUser(id, { userName }), await other.scim.patch(`/Users/${id}`, update)]) {
    assert.deepEqual([answer.status, answer.body.schemas, answer.body.status], [404, ['urn:ietf:params:scim:api:messages:2.0:Error'], '404']);
  }
  const taken = await other.scim.createUser({ userName });
  assert.equal(taken.status, 400, 'the domain is not theirs');
  const group = await other.scim.createGroup({ displayName: 'Thieves', members: [{ value: id }] });
  assert.deepEqual([group.status, group.body.scimType], [400, 'invalidValue']);
});

everyTopology('without a domain nothing is provisioned any more, and accounts stay', async (deployment) => {
  const { org, domain, scim } = await connected(deployment);
  const { id, userName } = await scim.newUser();
  await (await org.client(EmailDomainsService)).deleteEmailDomain({ emailDomainId: domain.emailDomainId });
  assert.equal((await scim.createUser({ userName: `next@${org.domain}` })).status, 400);
  assert.equal((await scim.patch(`/Users/${id}`, [{ op: 'replace', path: 'active', value: false }])).body.active, false);
  assert.equal(await stateOf(org, id), AccountState.ACTIVE, `${userName} is not the org's any more`);
});

everyTopology('of many that make the same user at once one does', async (deployment) => {
  const { org, scim } = await connected(deployment);
  const answers = await Promise.all(Array.from({ length: 8 }, () => scim.createUser({ userName: `one@${org.domain}` })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409, 409, 409, 409, 409, 409, 409]);
  const { id } = await scim.newUser();
  const renamed = await Promise.all([id, answers.find(({ status }) => status === 201)!.body.id as string].map((each) => scim.patch(`/Users/${each}`, [{ op: 'replace', path: 'userName', value: `two@${org.domain}` }])));
  assert.deepEqual(renamed.map(({ status }) => status).sort(), [200, 409]);
});

everyTopology('a change names the version that it changes', async (deployment) => {
  const { scim } = await connected(deployment);
  const { id, userName } = await scim.newUser();
  const first = (await scim.get(`/Users/${id}`)).headers.get('etag')!;
  assert.equal((await scim.send('GET', `/Users/${id}`, undefined, { 'if-none-match': first })).status, 304);
  const changed = await scim.replaceUser(id, { userName, displayName: 'Second' }, { 'if-match': first });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.get('etag'), first);
  const late = await scim.replaceUser(id, { userName, displayName: 'Third' }, { 'if-match': first });
  assert.deepEqual([late.status, late.body.status], [412, '412']);
  const at = changed.headers.get('etag')!;
  const both = await Promise.all(['a', 'b', 'c'].map((value) => scim.patch(`/Users/${id}`, [{ op: 'replace', path: 'displayName', value }], { 'if-match': at })));
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 412, 412]);
});

everyTopology('only administrators of the org get in, and all others are told in the words of SCIM', async (deployment) => {
  const { org, scim } = await connected(deployment);
  const { accessToken } = await org.member(Role.USER);
  for (const [bearer, status] of [['', 401], ['nonsense', 401], [accessToken, 403]] as const) {
    const answer = await scim.as(bearer).get('/Users');
    assert.deepEqual([answer.status, answer.body.schemas, answer.body.status], [status, ['urn:ietf:params:scim:api:messages:2.0:Error'], String(status)]);
    assert.match(answer.headers.get('content-type')!, /^application\/scim\+json/);
  }
  const notThere = await scim.get('/Nothing');
  assert.deepEqual([notThere.status, notThere.body.status], [404, '404']);
  const notSo = await scim.send('PUT', '/Users', {});
  assert.deepEqual([notSo.status, notSo.body.status], [405, '405']);
});

everyTopology('what locks an account acts at once on its sessions', async (deployment) => {
  const { org, scim } = await connected(deployment);
  const { id } = await scim.newUser();
  await deployment.sqlOf('sys-accounts', `insert into sys_accounts.sys_accounts_sessions (account_id, acting_org, expires_at) select $1::uuid, $2::uuid, now() + interval '1 day'`, [id, org.orgId]);
  await scim.patch(`/Users/${id}`, [{ op: 'replace', path: 'active', value: false }]);
  await until(async () => (await deployment.sqlOf('sys-accounts', 'select 1 from sys_accounts.sys_accounts_sessions where account_id = $1 and ended_at is not null', [id])).length === 1, 'the session has ended');
});
