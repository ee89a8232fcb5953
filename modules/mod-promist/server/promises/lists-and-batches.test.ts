import assert from 'node:assert/strict';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { reasonOf, violationsOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { ContactsService, ListPromisesRequest_View as View, Promise_State as State, PromisesService, type ListPromisesRequest } from '../../contract/index.ts';

const ada = 'ada@acme.test';
const ben = 'ben@acme.test';
const olga = 'olga@acme.test';
const eve = 'eve@umbrella.test';

const at = (text: string) => timestampFromDate(new Date(text));
const promises = (deployment: TestDeployment, as: string) => deployment.client(PromisesService, as);
const refused = (reason: string, field?: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  if (field) assert.equal(violationsOf(error)[0]?.field, field);
  return true;
};

everyTopology('a list is filtered, ordered and counted as the request says', async (deployment) => {
  const client = await promises(deployment, olga);
  const made = await client.batchCreatePromises({ requests: [
    { promise: { title: 'Listed: beta', tags: ['zz-list', 'home'], dueTime: at('2031-01-02T00:00:00Z'), promisee: { who: { case: 'name', value: 'Neighbour Jo' } } } },
    { promise: { title: 'listed: Alpha', tags: ['zz-list'], dueTime: at('2031-01-01T00:00:00Z') } },
    { promise: { title: 'Listed: gamma', tags: ['zz-list'], description: 'with 100% care' } },
  ] });
  await client.fulfillPromise({ promiseId: made.promises[2]!.id });
  const titles = async (request: Partial<ListPromisesRequest>) => {
    const { $typeName: _, ...asked } = { $typeName: '', ...request };
    return (await client.listPromises({ ...asked, filter: `tags:zz-list ${request.filter ?? ''}` })).promises.map(({ title }) => title.slice(8));
  };
  assert.deepEqual(await titles({ orderBy: 'title' }), ['Alpha', 'beta']);
  assert.deepEqual(await titles({ orderBy: 'title desc', filter: 'state:*' }), ['gamma', 'beta', 'Alpha']);
  assert.deepEqual(await titles({ orderBy: 'due_time', filter: 'state:*' }), ['Alpha', 'beta', 'gamma']);
  assert.deepEqual(await titles({ filter: 'due_time > "2031-01-01"' }), ['beta']);
  assert.deepEqual(await titles({ filter: 'promisee.name:jo AND tags:(home OR work)' }), ['beta']);
  assert.deepEqual(await titles({ filter: 'NOT promisee:* archived = false' }), ['Alpha']);
  assert.deepEqual(await titles({ filter: '"100%" state = FULFILLED' }), ['gamma']);
  assert.deepEqual(await titles({ filter: `ownerAccountId = "${made.promises[0]!.ownerAccountId}" title = "*beta"` }), ['beta']);
  const { promises: page, totalSize, nextPageToken } = await client.listPromises({ filter: 'tags:zz-list', orderBy: 'title', pageSize: 1, countTotal: true, readMask: { paths: ['title'] } });
  assert.deepEqual([page[0]?.title, page[0]?.id, totalSize, nextPageToken !== ''], ['listed: Alpha', '', 2, true]);
  assert.deepEqual((await client.getPromise({ promiseId: made.promises[0]!.id, readMask: { paths: ['tags', 'promisee.name'] } })).tags, ['zz-list', 'home']);
  await assert.rejects(client.listPromises({ filter: 'etag = 1' }), refused('kernel.INVALID_FILTER', 'filter'));
  await assert.rejects((await promises(deployment, ada)).listPromises({ filter: 'tags:zz-list', orderBy: 'title', pageToken: nextPageToken }), refused('kernel.BAD_PAGE_TOKEN'));
});

everyTopology('the list of everything that one may see pages through each promise once', async (deployment) => {
  const [own, other] = [await promises(deployment, ada), await promises(deployment, ben)];
  const { promises: [mine] } = await own.batchCreatePromises({ requests: [{ promise: { title: 'mine', tags: ['zz-all'] } }] });
  const { ownerAccountId } = mine!;
  const { promises: theirs } = await other.batchCreatePromises({ requests: ['to me', 'to me and shared', 'shared', 'neither'].map((title) => ({ promise: { title, tags: ['zz-all'], promisee: title.startsWith('to me') ? { who: { case: 'accountId' as const, value: ownerAccountId } } : undefined } })) });
  for (const { id } of theirs.slice(1, 3)) await other.sharePromise({ promiseId: id, account: ada });
  for (const orderBy of ['', 'title', 'due_time desc, title']) {
    const seen: string[] = [];
    for (let pageToken = '', first = true; first || pageToken; first = false) {
      const page = await own.listPromises({ view: View.ALL, filter: 'tags:zz-all', pageSize: 2, orderBy, pageToken, countTotal: true });
      seen.push(...page.promises.map(({ title }) => title));
      assert.equal(page.totalSize, 4);
      pageToken = page.nextPageToken;
    }
    assert.deepEqual(orderBy === 'title' ? seen : seen.toSorted(), ['mine', 'shared', 'to me', 'to me and shared']);
  }
});

everyTopology('of two who change the same version of a promise exactly one does', async (deployment) => {
  const client = await promises(deployment, ada);
  for (let round = 0; round < 5; round++) {
    const made = await client.createPromise({ promise: { title: 'Contended' } });
    const writers = ['one', 'two', 'three'].map((description) => client.updatePromise({ promise: { id: made.id, description, etag: made.etag } }));
    const results = await Promise.allSettled([...writers, client.fulfillPromise({ promiseId: made.id, etag: made.etag })]);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const result of results) if (result.status === 'rejected') refused('mod-promist.CHANGED_MEANWHILE')(result.reason);
  }
});

everyTopology('REST answers by If-Match and If-None-Match', async (deployment) => {
  const call = (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) => deployment.fetch(path, { as: ada, method, headers, body });
  const made = await call('POST', '/v1/promises', {}, { title: 'Tagged' });
  const etag = made.headers.get('etag')!;
  const { id } = (await made.json()) as { id: string };
  const path = `/v1/promises/${id}`;
  const held = await call('GET', path, { 'if-none-match': etag });
  assert.deepEqual([held.status, await held.text(), held.headers.get('etag')], [304, '', etag]);
  assert.equal((await call('GET', path, { 'if-none-match': '"x"' })).status, 200);
  assert.equal((await call('PATCH', path, { 'if-match': etag }, { title: 'Changed' })).status, 200);
  for (const [method, where, body] of [['PATCH', path, { title: 'Lost' }], ['POST', `${path}:fulfill`, {}], ['POST', `${path}:archive`, {}], ['DELETE', path, undefined]] as const) {
    const answer = await call(method, where, { 'if-match': etag }, body);
    assert.deepEqual([answer.status, ((await answer.json()) as { reason: string }).reason], [412, 'mod-promist.CHANGED_MEANWHILE'], `${method} ${where}`);
  }
  assert.equal((await call('DELETE', path, { 'if-match': '*' })).status, 200);
  const contact = (await (await call('POST', '/v1/contacts', {}, { name: 'Zoe' })).json()) as { id: string; etag: string };
  assert.equal((await call('DELETE', `/v1/contacts/${contact.id}?etag=${encodeURIComponent('"7"')}`)).status, 412);
  assert.equal((await call('DELETE', `/v1/contacts/${contact.id}`, { 'if-match': contact.etag })).status, 200);
});

everyTopology('a promise that shows another name of its promisee has another etag, and can be changed all the same', async (deployment) => {
  const contacts = await deployment.client(ContactsService, ada);
  const client = await promises(deployment, ada);
  const contact = await contacts.createContact({ contact: { name: 'Before' } });
  const made = await client.createPromise({ promise: { title: 'Named', promisee: { who: { case: 'contactId', value: contact.id } } } });
  await contacts.updateContact({ contact: { id: contact.id, name: 'After', etag: contact.etag } });
  const shown = await client.getPromise({ promiseId: made.id });
  assert.notEqual(shown.etag, made.etag);
  assert.equal((await client.updatePromise({ promise: { id: made.id, title: 'Renamed', etag: made.etag } })).title, 'Renamed');
  await assert.rejects(contacts.updateContact({ contact: { id: contact.id, name: 'Late', etag: contact.etag } }), refused('kernel.CHANGED_MEANWHILE'));
});

everyTopology('a batch does all or nothing, and names what is wrong', async (deployment) => {
  const client = await promises(deployment, ada);
  const count = async () => (await client.listPromises({ filter: 'tags:zz-batch state:*', pageSize: 1, countTotal: true })).totalSize;
  const good = (title: string) => ({ promise: { title, tags: ['zz-batch'], reminders: [{ time: at('2031-01-01T00:00:00Z') }] } });
  await assert.rejects(client.batchCreatePromises({ requests: [good('a'), { promise: { title: ' ', tags: ['zz-batch'] } }] }), refused('mod-promist.INVALID_PROMISE', 'requests[1].promise.title'));
  assert.equal(await count(), 0);
  const { promises: made } = await client.batchCreatePromises({ requests: Array.from({ length: 300 }, (_, index) => good(`title ${index}`)) });
  assert.deepEqual([await count(), made[299]!.title, made[7]!.reminders.length, made[7]!.reminders[0]?.nextTime !== undefined], [300, 'title 299', 1, true]);
  const ids = made.map(({ id }) => id);
  assert.deepEqual((await client.batchGetPromises({ promiseIds: ids.toReversed(), readMask: { paths: ['id'] } })).promises.map(({ id }) => id), ids.toReversed());
  await assert.rejects((await promises(deployment, eve)).batchGetPromises({ promiseIds: ids.slice(0, 2) }), refused('mod-promist.PROMISE_NOT_FOUND', 'promise_ids[0]'));

  const [first, second] = made as [typeof made[0], typeof made[0]];
  await client.updatePromise({ promise: { id: second!.id, title: 'quicker' } });
  await assert.rejects(client.batchUpdatePromises({ requests: [{ promise: { id: first!.id, title: 'lost' } }, { promise: { id: second!.id, title: 'lost', etag: second!.etag } }] }), refused('mod-promist.CHANGED_MEANWHILE', 'requests[1]'));
  await assert.rejects(client.batchUpdatePromises({ requests: [{ promise: { id: first!.id, title: 'x' } }, { promise: { id: first!.id.toUpperCase(), title: 'y' } }] }), refused('mod-promist.INVALID_PROMISE', 'requests[1].promise.id'));
  assert.equal((await client.getPromise({ promiseId: first!.id })).title, 'title 0');
  const { promises: changed } = await client.batchUpdatePromises({ requests: ids.map((id, index) => ({ promise: { id, description: `of ${index}` }, updateMask: { paths: ['description', 'due_time'] } })) });
  assert.deepEqual([changed[299]!.description, changed[299]!.title, changed[0]!.etag === first!.etag], ['of 299', 'title 299', false]);
  assert.equal((await client.listChanges({ promiseId: ids[5]!, filter: 'field = description' })).changes[0]?.after, 'of 5');

  await assert.rejects((await promises(deployment, ben)).batchDeletePromises({ requests: [{ promiseId: ids[0]! }] }), refused('mod-promist.PROMISE_NOT_FOUND', 'requests[0].promise_id'));
  const { promises: deleted } = await client.batchDeletePromises({ requests: ids.map((promiseId) => ({ promiseId })) });
  assert.ok(deleted.every(({ deleteTime, state, reminders }) => deleteTime && state === State.PENDING && reminders[0]?.nextTime === undefined));
  await assert.rejects(client.batchDeletePromises({ requests: [{ promiseId: ids[3]! }] }), refused('mod-promist.DELETED', 'requests[0]'));
  assert.equal(await count(), 0);
});

everyTopology('contacts come several at a time, in the order asked for', async (deployment) => {
  const contacts = await deployment.client(ContactsService, ada);
  const ids = [(await contacts.createContact({ contact: { name: 'One' } })).id, (await contacts.createContact({ contact: { name: 'Two', email: 'two@x.test' } })).id];
  assert.deepEqual((await contacts.batchGetContacts({ contactIds: ids.toReversed() })).contacts.map(({ name }) => name), ['Two', 'One']);
  await assert.rejects((await deployment.client(ContactsService, ben)).batchGetContacts({ contactIds: ids }), refused('mod-promist.CONTACT_NOT_FOUND', 'contact_ids[0]'));
  const listed = await contacts.listContacts({ filter: 'email:"two@"', orderBy: 'create_time desc', countTotal: true, readMask: { paths: ['name'] } });
  assert.deepEqual([listed.contacts.map(({ name, email }) => [name, email]), listed.totalSize], [[['Two', '']], 1]);
});
