import assert from 'node:assert/strict';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { reasonOf, violationsOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { ContactsService, ListPromisesRequest_Shelf as Shelf, ListPromisesRequest_View as View, Permission, Promise_State as State, PromisesService } from '../contract/index.ts';

const ada = 'ada@acme.test';
const ben = 'ben@acme.test';
const olga = 'olga@acme.test';
const eve = 'eve@umbrella.test';
const somewhere = '018f0000-0000-7000-8000-000000000000';

const promises = (deployment: TestDeployment, as: string) => deployment.client(PromisesService, as);
const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), `mod-promist.${reason}`, String(error));
  return true;
};

everyTopology('a promise is made, read, listed and changed', async (deployment) => {
  const client = await promises(deployment, ada);
  const dueTime = timestampFromDate(new Date('2030-01-02T03:04:05.678Z'));
  const made = await client.createPromise({ promise: { title: ' Water the plants ', description: 'daily', dueTime, tags: ['home', ' home '], promisee: { who: { case: 'name', value: 'Neighbour' } } } });
  assert.equal(made.title, 'Water the plants');
  assert.deepEqual([made.state, made.permission, made.tags, made.promisee?.displayName, timestampDate(made.dueTime!).toISOString()], [State.PENDING, Permission.OWN, ['home'], 'Neighbour', '2030-01-02T03:04:05.678Z']);
  assert.deepEqual(await client.getPromise({ promiseId: made.id }), made);
  assert.ok((await client.listPromises({})).promises.some(({ id }) => id === made.id));
  const changed = await client.updatePromise({ promise: { id: made.id, title: 'Water them', etag: made.etag }, updateMask: { paths: ['title', 'due_time'] } });
  assert.deepEqual([changed.title, changed.dueTime, changed.description], ['Water them', undefined, 'daily']);
  await assert.rejects(client.updatePromise({ promise: { id: made.id, title: 'Again', etag: made.etag } }), refusedWith('CHANGED_MEANWHILE'));
  const { changes } = await client.listChanges({ promiseId: made.id });
  assert.deepEqual(changes.map(({ field, before, after, displayName }) => [field, before, after, displayName]), [
    ['due_time', '2030-01-02T03:04:05.678Z', '', 'Ada'],
    ['title', 'Water the plants', 'Water them', 'Ada'],
    ['created', '', 'Water the plants', 'Ada'],
  ]);
});

everyTopology('a time may lie anywhere in the years 1900 to 9999, and pages go by it', async (deployment) => {
  const times = ['1900-01-01T00:00:00Z', '9999-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'];
  const create = (dueTime: string) => deployment.fetch('/v1/promises', { as: ada, body: { title: 'Far', tags: ['far'], dueTime, reminders: [{ time: '9999-12-31T23:59:59Z', timeZone: 'Asia/Tokyo' }] } });
  for (const time of times) assert.equal((await create(time)).status, 200, time);
  for (const time of ['1899-12-31T23:59:59Z', '2026-02-29T00:00:00Z']) {
    const refused = await create(time);
    assert.equal(refused.status, 400, time);
    assert.match(await refused.text(), /due_time/);
  }
  const client = await promises(deployment, ada);
  const found: (string | undefined)[] = [];
  for (let pageToken = '', page = 0; page === 0 || pageToken; page++) {
    const { promises: [promise], nextPageToken } = await client.listPromises({ tag: 'far', pageSize: 1, orderBy: 'due_time', pageToken });
    if (promise) found.push(timestampDate(promise.dueTime!).toISOString());
    pageToken = nextPageToken;
  }
  assert.deepEqual(found, ['1900-01-01T00:00:00.000Z', '9999-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z']);
});

everyTopology('REST speaks of promises with plain words', async (deployment) => {
  const made = await deployment.fetch('/v1/promises', { as: ada, body: { title: 'Call', reminders: [{ time: '2031-01-01T00:00:00Z', recurrence: 'freq=daily', timeZone: 'Europe/Berlin' }] } });
  const promise = (await made.json()) as { id: string; state: string; reminders: { method: string; nextTime: string }[] };
  assert.equal(made.status, 200, JSON.stringify(promise));
  assert.deepEqual([promise.state, promise.reminders[0]?.method, promise.reminders[0]?.nextTime], ['PENDING', 'APP', '2031-01-01T00:00:00Z']);
  const kept = await deployment.fetch(`/v1/promises/${promise.id}:fulfill`, { as: ada, body: {} });
  assert.equal(((await kept.json()) as { state: string }).state, 'FULFILLED');
  const list = (await (await deployment.fetch('/v1/promises?state=FULFILLED&pageSize=1', { as: ada })).json()) as { promises: unknown[]; nextPageToken?: string };
  assert.equal(list.promises.length, 1);
  const lost = await deployment.fetch(`/v1/promises/${somewhere}`, { as: ada });
  assert.equal(lost.status, 404);
});

everyTopology('a promise of another person or org is not found, whatever is done to it', async (deployment) => {
  const { id } = await (await promises(deployment, ada)).createPromise({ promise: { title: 'Private' } });
  for (const other of [ben, olga, eve]) {
    const client = await promises(deployment, other);
    const attempts = [
      () => client.getPromise({ promiseId: id }),
      () => client.updatePromise({ promise: { id, title: 'x' } }),
      () => client.fulfillPromise({ promiseId: id }),
      () => client.archivePromise({ promiseId: id }),
      () => client.deletePromise({ promiseId: id }),
      () => client.sharePromise({ promiseId: id, account: other }),
      () => client.unsharePromise({ promiseId: id, account: other }),
      () => client.addReminder({ promiseId: id, reminder: { time: timestampFromDate(new Date('2031-01-01')) } }),
      () => client.removeReminder({ promiseId: id, reminderId: id }),
      () => client.listChanges({ promiseId: id }),
    ];
    for (const attempt of attempts) await assert.rejects(attempt, refusedWith('PROMISE_NOT_FOUND'));
    assert.ok(!(await client.listPromises({ view: View.ALL })).promises.some((promise) => promise.id === id));
  }
  const client = await promises(deployment, ada);
  await assert.rejects(client.getPromise({ promiseId: 'no-such-id' }), refusedWith('PROMISE_NOT_FOUND'));
});

everyTopology('a kept promise is archived with its reminders off, and reopening brings both back', async (deployment) => {
  const client = await promises(deployment, ada);
  const { id } = await client.createPromise({ promise: { title: 'Write', reminders: [{ time: timestampFromDate(new Date('2031-01-01')) }] } });
  const kept = await client.fulfillPromise({ promiseId: id });
  assert.deepEqual([kept.state, kept.archived, kept.fulfilledAt !== undefined, kept.reminders[0]?.nextTime], [State.FULFILLED, true, true, undefined]);
  await assert.rejects(client.failPromise({ promiseId: id }), refusedWith('WRONG_STATE'));
  await assert.rejects(client.unarchivePromise({ promiseId: id }), refusedWith('WRONG_STATE'));
  const open = await client.reopenPromise({ promiseId: id });
  assert.deepEqual([open.state, open.archived, open.fulfilledAt, open.reminders[0]?.nextTime !== undefined], [State.PENDING, false, undefined, true]);
  await assert.rejects(client.reopenPromise({ promiseId: id }), refusedWith('WRONG_STATE'));
  assert.equal((await client.failPromise({ promiseId: id })).state, State.FAILED);
});

everyTopology('a deleted promise is restored as it was, and meanwhile only its owner finds it', async (deployment) => {
  const client = await promises(deployment, ada);
  const { id } = await client.createPromise({ promise: { title: 'Delete me', promisee: { who: { case: 'email', value: ben } }, reminders: [{ time: timestampFromDate(new Date('2031-01-01')) }] } });
  const toBen = await promises(deployment, ben);
  assert.equal((await toBen.getPromise({ promiseId: id })).permission, Permission.VIEW);
  const deleted = await client.deletePromise({ promiseId: id });
  assert.ok(deleted.deleteTime && !deleted.reminders[0]?.nextTime);
  await assert.rejects(toBen.getPromise({ promiseId: id }), refusedWith('PROMISE_NOT_FOUND'));
  await assert.rejects(client.fulfillPromise({ promiseId: id }), refusedWith('DELETED'));
  assert.ok((await client.listPromises({ shelf: Shelf.DELETED })).promises.some((promise) => promise.id === id));
  assert.ok(!(await client.listPromises({ shelf: Shelf.BOTH })).promises.some((promise) => promise.id === id));
  const restored = await client.restorePromise({ promiseId: id });
  assert.ok(!restored.deleteTime && restored.reminders[0]?.nextTime);
});

everyTopology('who is shown a promise reads it, and who may keep it keeps it; nobody else', async (deployment) => {
  const [owner, friend] = [await promises(deployment, ada), await promises(deployment, ben)];
  const { id } = await owner.createPromise({ promise: { title: 'Shared' } });
  await assert.rejects(owner.sharePromise({ promiseId: id, account: eve }), refusedWith('ACCOUNT_NOT_FOUND'));
  await assert.rejects(owner.sharePromise({ promiseId: id, account: ada }), refusedWith('INVALID_PROMISE'));
  const shared = await owner.sharePromise({ promiseId: id, account: ben });
  assert.deepEqual(shared.shares.map(({ displayName, permission }) => [displayName, permission]), [['Ben', Permission.VIEW]]);
  assert.deepEqual((await friend.listPromises({ view: View.SHARED })).promises.filter((promise) => promise.id === id).map(({ permission, shares }) => [permission, shares.length]), [[Permission.VIEW, 0]]);
  await assert.rejects(friend.fulfillPromise({ promiseId: id }), refusedWith('READ_ONLY'));
  await owner.sharePromise({ promiseId: id, account: shared.shares[0]!.accountId, permission: Permission.KEEP });
  assert.equal((await friend.updatePromise({ promise: { id, title: 'Shared and changed' } })).title, 'Shared and changed');
  assert.equal((await friend.fulfillPromise({ promiseId: id })).state, State.FULFILLED);
  await assert.rejects(friend.deletePromise({ promiseId: id }), refusedWith('NOT_OWNER'));
  await assert.rejects((await promises(deployment, olga)).getPromise({ promiseId: id }), refusedWith('PROMISE_NOT_FOUND'));
  assert.deepEqual((await owner.listChanges({ promiseId: id })).changes.slice(0, 2).map(({ field, displayName }) => [field, displayName]), [['state', 'Ben'], ['title', 'Ben']]);
  await owner.unsharePromise({ promiseId: id, account: ben });
  await assert.rejects(friend.getPromise({ promiseId: id }), refusedWith('PROMISE_NOT_FOUND'));
  await assert.rejects(owner.unsharePromise({ promiseId: id, account: ben }), refusedWith('NOT_SHARED'));
});

everyTopology('everything wrong with a promise is told at once, and nothing is written', async (deployment) => {
  const client = await promises(deployment, ada);
  const before = (await client.listPromises({ pageSize: 1000 })).promises.length;
  const wrong = client.createPromise({ promise: { title: ' ', dueTime: { seconds: -5_000_000_000n, nanos: 0 }, promisee: { who: { case: 'contactId', value: somewhere } }, reminders: [{ time: timestampFromDate(new Date('2001-01-01')) }, { time: timestampFromDate(new Date('2031-01-01')), recurrence: 'FREQ=SECONDLY' }, { time: timestampFromDate(new Date('2031-01-01')), timeZone: 'Mars' }] } });
  const error = await wrong.then(() => assert.fail('it was accepted'), (reason: unknown) => ConnectError.from(reason));
  assert.equal(error.code, Code.InvalidArgument);
  assert.deepEqual(violationsOf(error).map(({ field }) => field), ['promise.title', 'promise.due_time', 'promise.promisee.contact_id', 'promise.reminders[0].time', 'promise.reminders[1].recurrence', 'promise.reminders[2].time_zone']);
  assert.equal((await client.listPromises({ pageSize: 1000 })).promises.length, before);
  await assert.rejects(client.updatePromise({ promise: { id: somewhere }, updateMask: { paths: ['state'] } }), (error) => ['kernel.INVALID_MASK', 'mod-promist.PROMISE_NOT_FOUND'].includes(reasonOf(error)!));
});

everyTopology('pages neither repeat nor miss a promise while others are made', async (deployment) => {
  const client = await promises(deployment, eve);
  const tag = crypto.randomUUID();
  const titles = Array.from({ length: 7 }, (_, index) => `page ${index}`);
  for (const [index, title] of titles.entries()) await client.createPromise({ promise: { title, tags: [tag], madeAt: timestampFromDate(new Date(1_700_000_000_000 + Math.floor(index / 3) * 1000)) } });
  for (const orderBy of ['', 'made_at', 'due_time']) {
    const seen: string[] = [];
    for (let pageToken = ''; ; ) {
      const page = await client.listPromises({ tag, pageSize: 2, pageToken, orderBy });
      seen.push(...page.promises.map(({ title }) => title).filter((title) => title !== 'late'));
      await client.createPromise({ promise: { title: 'late', tags: [tag], madeAt: timestampFromDate(new Date(orderBy === 'made_at' ? 0 : 1_800_000_000_000)) } });
      if (!(pageToken = page.nextPageToken)) break;
      await assert.rejects(client.listPromises({ tag: 'other', pageToken, orderBy }), (error) => ConnectError.from(error).code === Code.InvalidArgument);
    }
    assert.deepEqual(seen.toSorted(), titles, orderBy);
  }
});

everyTopology('lists are filtered by tag, state, due time and words', async (deployment) => {
  const client = await promises(deployment, ben);
  const tag = crypto.randomUUID();
  const due = (day: string) => timestampFromDate(new Date(`${day}T00:00:00Z`));
  await client.createPromise({ promise: { title: '100% sure', tags: [tag], dueTime: due('2030-01-01') } });
  const { id } = await client.createPromise({ promise: { title: 'Second', description: 'about Ananas', tags: [tag, 'fruit'], dueTime: due('2030-02-01') } });
  await client.createPromise({ promise: { title: 'Third', tags: [tag], promisee: { who: { case: 'name', value: 'Zoe' } } } });
  const titles = async (filter: Parameters<typeof client.listPromises>[0]) => (await client.listPromises({ tag, orderBy: 'made_at', ...filter })).promises.map(({ title }) => title);
  assert.deepEqual(await titles({}), ['100% sure', 'Second', 'Third']);
  assert.deepEqual(await titles({ q: '100%' }), ['100% sure']);
  assert.deepEqual(await titles({ q: 'ananas second' }), ['Second']);
  assert.deepEqual(await titles({ q: 'zoe' }), ['Third']);
  assert.deepEqual(await titles({ dueAfter: due('2030-01-01'), dueBefore: due('2030-02-01') }), ['100% sure']);
  assert.deepEqual((await client.listPromises({ tag, orderBy: 'due_time' })).promises.map(({ title }) => title), ['100% sure', 'Second', 'Third']);
  await client.fulfillPromise({ promiseId: id });
  assert.deepEqual(await titles({}), ['100% sure', 'Third']);
  assert.deepEqual(await titles({ state: State.FULFILLED }), ['Second']);
  assert.deepEqual(await titles({ shelf: Shelf.ARCHIVED }), ['Second']);
});

everyTopology('statistics count what was kept, in time and late, broken and pending', async (deployment) => {
  const client = await promises(deployment, eve);
  const now = new Date();
  const before = (await client.getStatistics({})).total!;
  const make = async (dueTime?: Date) => (await client.createPromise({ promise: { title: 'Count me', ...(dueTime && { dueTime: timestampFromDate(dueTime) }) } })).id;
  await client.fulfillPromise({ promiseId: await make() });
  await client.fulfillPromise({ promiseId: await make(new Date(now.getTime() - 60_000)) });
  await client.failPromise({ promiseId: await make() });
  await make();
  const { total } = await client.getStatistics({});
  assert.deepEqual([total!.kept - before.kept, total!.keptInTime - before.keptInTime, total!.late - before.late, total!.broken - before.broken, total!.pending - before.pending], [2, 1, 1, 1, 1]);
  const days = await client.getStatistics({ period: 1, timeZone: 'Asia/Karachi', from: timestampFromDate(new Date(now.getTime() - 6 * 86_400_000)) });
  assert.equal(days.periods.length, 7);
  assert.equal(days.periods.at(-1)!.kept, days.total!.kept);
  await assert.rejects(client.getStatistics({ timeZone: 'Mars' }), refusedWith('INVALID_TIME_ZONE'));
  await assert.rejects(client.getStatistics({ period: 1, from: timestampFromDate(new Date('1990-01-01')) }), refusedWith('INVALID_PERIOD'));
});

everyTopology('contacts are a person\'s own, and promises to a removed one keep its name', async (deployment) => {
  const contacts = await deployment.client(ContactsService, ada);
  const contact = await contacts.createContact({ contact: { name: 'Zoe', email: 'zoe@example.org' } });
  const theirs = await deployment.client(ContactsService, ben);
  await assert.rejects(theirs.getContact({ contactId: contact.id }), refusedWith('CONTACT_NOT_FOUND'));
  assert.equal((await contacts.updateContact({ contact: { id: contact.id, name: 'Zoë' } })).email, 'zoe@example.org');
  assert.ok((await contacts.listContacts({ q: 'zo' })).contacts.some(({ id }) => id === contact.id));
  const client = await promises(deployment, ada);
  const { id } = await client.createPromise({ promise: { title: 'Visit', promisee: { who: { case: 'contactId', value: contact.id } } } });
  assert.equal((await client.getPromise({ promiseId: id })).promisee?.displayName, 'Zoë');
  await assert.rejects((await promises(deployment, ben)).createPromise({ promise: { title: 'Visit', promisee: { who: { case: 'contactId', value: contact.id } } } }), refusedWith('INVALID_PROMISE'));
  await contacts.deleteContact({ contactId: contact.id });
  assert.deepEqual((await client.getPromise({ promiseId: id })).promisee?.who, { case: 'name', value: 'Zoë' });
});
