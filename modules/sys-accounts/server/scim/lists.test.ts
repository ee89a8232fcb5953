import assert from 'node:assert/strict';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { ScimClient } from '../../testing/scim-client.ts';
import { TestOrg } from '../../testing/test-org.ts';

async function connected(deployment: TestDeployment) {
  const org = await TestOrg.in(deployment);
  await org.own();
  return { org, scim: await ScimClient.of(org) };
}

everyTopology('a list is read page by page, in the same order each time', async (deployment) => {
  const { org, scim } = await connected(deployment);
  const made = [];
  for (let at = 0; at < 7; at++) made.push((await scim.newUser(`user-${at}`, { displayName: `Name ${9 - at}` })).id);
  const all = [org.admin.accountId, ...made].sort();
  const pages = [];
  for (let startIndex = 1; startIndex <= 8; startIndex += 3) {
    const { body } = await scim.get('/Users', { startIndex: String(startIndex), count: '3' });
    assert.deepEqual([body.schemas, body.totalResults, body.startIndex, body.itemsPerPage], [['urn:ietf:params:scim:api:messages:2.0:ListResponse'], 8, startIndex, body.Resources.length]);
    pages.push(...body.Resources.map(({ id }: { id: string }) => id));
  }
  assert.deepEqual(pages, all);
  const filtered = async (query: Record<string, string>) => (await scim.get('/Users', { filter: 'userName sw "user-"', ...query })).body;
  assert.deepEqual((await filtered({ sortBy: 'displayName', startIndex: '2', count: '2' })).Resources.map(({ displayName }: { displayName: string }) => displayName), ['Name 4', 'Name 5']);
  assert.deepEqual((await filtered({ sortBy: 'USERNAME', sortOrder: 'descending', count: '1' })).Resources[0].displayName, 'Name 3');
  assert.deepEqual([(await filtered({ count: '0' })).totalResults, (await filtered({ count: '0' })).Resources], [7, []]);
  assert.equal((await filtered({ startIndex: '-5', count: '-1' })).startIndex, 1);
  assert.equal((await filtered({ startIndex: '100' })).itemsPerPage, 0);
});

everyTopology('an answer has the attributes that were asked for', async (deployment) => {
  const { scim } = await connected(deployment);
  const { id, userName } = await scim.newUser('ada', { name: { givenName: 'Ada', familyName: 'Byron' }, externalId: 'x' });
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
  assert.deepEqual((await scim.get(`/Users/${id}`, { attributes: 'userName,NAME.givenname' })).body, { schemas, id, userName, name: { givenName: 'Ada' } });
  const { body } = await scim.get(`/Users/${id}`, { excludedAttributes: 'id, meta, emails.type,urn:ietf:params:scim:schemas:core:2.0:User:name' });
  assert.deepEqual(body, { schemas, id, userName, externalId: 'x', displayName: 'ada', active: true, emails: [{ value: userName, primary: true }] });
});

everyTopology('a search by POST says the same as a list', async (deployment) => {
  const { scim } = await connected(deployment);
  const { userName } = await scim.newUser('ada');
  const search = (more: object) => scim.send('POST', '/Users/.search', { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], ...more });
  const { status, body } = await search({ filter: `userName eq "${userName}"`, attributes: ['userName'], startIndex: 1, count: 10 });
  assert.deepEqual([status, body.totalResults, body.Resources.map((user: { userName: string }) => user.userName)], [200, 1, [userName]]);
  assert.equal((await search({ count: 'many' })).body.scimType, 'invalidValue');
  assert.equal((await search({ filter: 5 })).body.scimType, 'invalidValue');
  assert.equal((await scim.send('POST', '/Users/.search', {})).body.scimType, 'invalidSyntax');
  assert.equal((await scim.send('POST', '/Groups/.search', { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] })).body.totalResults, 0);
});

everyTopology('what is offered is described as the standard has it', async (deployment) => {
  const { scim } = await connected(deployment);
  const config = (await scim.get('/ServiceProviderConfig')).body;
  assert.deepEqual([config.patch.supported, config.bulk.supported, config.filter, config.etag.supported, config.sort.supported, config.changePassword.supported], [true, false, { supported: true, maxResults: 200 }, true, true, false]);
  const types = (await scim.get('/ResourceTypes')).body;
  assert.deepEqual(types.Resources.map(({ id, endpoint, schema }: Record<string, string>) => [id, endpoint, schema]), [['User', '/Users', 'urn:ietf:params:scim:schemas:core:2.0:User'], ['Group', '/Groups', 'urn:ietf:params:scim:schemas:core:2.0:Group']]);
  assert.deepEqual((await scim.get('/ResourceTypes/User')).body, types.Resources[0]);
  const { body: schema } = await scim.get('/Schemas/urn:ietf:params:scim:schemas:core:2.0:User');
  const userName = schema.attributes.find(({ name }: { name: string }) => name === 'userName');
  assert.deepEqual(userName, { name: 'userName', type: 'string', multiValued: false, description: userName.description, required: true, caseExact: false, mutability: 'readWrite', returned: 'default', uniqueness: 'server' });
  assert.equal((await scim.get('/Schemas')).body.totalResults, 2);
  for (const path of ['/Schemas/x', '/ResourceTypes/x', '/ServiceProviderConfig/x', '/Me', '/']) assert.equal((await scim.get(path)).status, 404, path);
  assert.equal((await scim.get('/Schemas', { filter: 'id pr' })).body.scimType, 'invalidFilter');
});

everyTopology('what is wrong with a request is told in the words of SCIM', async (deployment) => {
  const { org, scim } = await connected(deployment);
  const { id, userName } = await scim.newUser();
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
  const post = (body: unknown, headers = {}) => scim.send('POST', '/Users', body, headers);
  const own = `x@${org.domain}`;
  const refused = [
    [await post('{'), 'invalidSyntax'],
    [await post('[]'), 'invalidSyntax'],
    [await post({ userName: own }), 'invalidSyntax'],
    [await post({ schemas: ['urn:x'], userName: own }), 'invalidSyntax'],
    [await post({ schemas, userName: own }, { 'content-type': 'text/plain' }), 'invalidSyntax'],
    [await post({ schemas, userName: own, nobody: 1 }), 'invalidSyntax'],
    [await post({ schemas }), 'invalidValue'],
    [await post({ schemas, userName: 5 }), 'invalidValue'],
    [await post({ schemas, userName: 'ada' }), 'invalidValue'],
    [await post({ schemas, userName: `x@elsewhere.${org.domain}` }), 'invalidValue'],
    [await post({ schemas, userName: own, active: 'maybe' }), 'invalidValue'],
    [await post({ schemas, userName: own, name: 'Ada' }), 'invalidValue'],
    [await post({ schemas, userName: own, emails: [{ value: 'a', primary: true }, { value: 'b', primary: true }] }), 'invalidValue'],
    [await post({ schemas, userName: own, displayName: 'a\0b' }), 'invalidValue'],
    [await post({ schemas, userName: own, locale: 'no language' }), 'invalidValue'],
    [await post({ schemas, userName: own, timezone: 'Nowhere/Town' }), 'invalidValue'],
    [await scim.replaceUser(id, { userName: `x@elsewhere.${org.domain}` }), 'invalidValue'],
    [await scim.patch(`/Users/${id}`, []), 'invalidSyntax'],
    [await scim.patch(`/Users/${id}`, [{ op: 'replace', path: 'userName', value: 'x@elsewhere.test' }]), 'invalidValue'],
    [await scim.get('/Users', { filter: 'userName eq' }), 'invalidFilter'],
    [await scim.get('/Users', { sortBy: 'emails' }), 'invalidPath'],
    [await scim.get('/Users', { sortBy: 'nobody' }), 'invalidPath'],
    [await scim.get('/Users', { sortOrder: 'up' }), 'invalidValue'],
    [await scim.get('/Users', { count: '1.5' }), 'invalidValue'],
    [await scim.get('/Users', { startIndex: '99999999999' }), 'invalidValue'],
    [await scim.get('/Users', { attributes: 'nobody' }), 'invalidPath'],
    [await scim.get('/Users', { attributes: 'userName', excludedAttributes: 'name' }), 'invalidValue'],
  ] as const;
  for (const [{ status, body }, scimType] of refused) assert.deepEqual([status, body.status, body.scimType, body.schemas], [400, '400', scimType, ['urn:ietf:params:scim:api:messages:2.0:Error']], JSON.stringify(body));
  for (const path of ['/Users/x', `/Users/${crypto.randomUUID()}`, '/Users/%00', '/Users/%']) assert.ok([404, 400].includes((await scim.get(path)).status), path);
  assert.equal((await scim.get(`/Users/${id}`)).body.userName, userName, 'nothing of it was done');
});
