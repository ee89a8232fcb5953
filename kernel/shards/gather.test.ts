import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient, type Client, type ServiceImpl, type Transport } from '@connectrpc/connect';
import fc from 'fast-check';
import { Commands } from '../commands/commands.ts';
import type { ModuleDatabase } from '../data/create-database.ts';
import { newId } from '../data/new-id.ts';
import { defineErrors, reasonOf } from '../errors/define-errors.ts';
import { runInCall } from '../guard/call.ts';
import { InProcessRegistry } from '../placement/in-process-registry.ts';
import { CallValues } from '../placement/call-values.ts';
import { serveMethods } from '../placement/serve-methods.ts';
import { queryFields } from '../queries/query-fields.ts';
import { readList } from '../queries/read-list.ts';
import { createLog } from '../telemetry/log.ts';
import { ShelfService, ThingSchema, type ListThingsRequest } from '../testing/contract/gen/mainstay/testing/v1/shelf_pb.js';
import { gather } from './gather.ts';
import { gatheredHeader } from './gathering.ts';
import { callIn, module, orgIn, secret, testShards, type Tables, type TestShards } from './testing/test-shards.ts';

const errors = defineErrors('testing', { THING_NOT_FOUND: ['NotFound', 'there is no such thing'] });
const fields = queryFields(ThingSchema, { thing_id: { column: 'id', uuid: true }, name: 'name', count: 'count', end_time: 'end_time' });
const thing = ({ id, name, count, end_time }: Tables['mod_notes_things']) => ({ thingId: id, name, count, ...(end_time && { endTime: timestampFromDate(end_time) }) });
const found = <T>(row: T | undefined): T => row ?? (() => { throw errors.THING_NOT_FOUND(); })();

const shelf = (db: ModuleDatabase<Tables>): ServiceImpl<typeof ShelfService> => ({
  async listThings(request) {
    const { rows, ...page } = await db.read((q) => readList(q, q.selectFrom('mod_notes_things').selectAll(), request, { secret, fields, defaultOrder: 'name' }));
    return { things: rows.map(thing), ...page };
  },
  getThing: ({ thingId }) => db.read(async (q) => thing(found(await q.selectFrom('mod_notes_things').selectAll().where('id', '=', thingId).executeTakeFirst()))),
  nameThing: ({ thingId, name }) => db.write(async (tx) => thing(found(await tx.updateTable('mod_notes_things').set({ name }).where('id', '=', thingId).returningAll().executeTakeFirst()))),
  dropThing: ({ name }) => db.write(async (tx) => thing(found(await tx.deleteFrom('mod_notes_things').where('name', '=', name).returningAll().executeTakeFirst()))),
  async *exportThings() {
    for (const row of await db.read((q) => q.selectFrom('mod_notes_things').selectAll().orderBy('name').orderBy('id').execute())) yield thing(row);
  },
});

const log = createLog({ level: 'silent' });
const guard = () => ({ authenticate: async () => ({ kind: 'anonymous' as const }), decide: () => ({ allowed: true as const, acrossOrgs: true }) });

/** A shard's service, reached as another process reaches it. */
const served = (db: ModuleDatabase<Tables>): Transport =>
  new InProcessRegistry().add(ShelfService, serveMethods(ShelfService, shelf(db), { module, guard: guard as never, log, commands: new Commands({ database: db, secret, log }), requireOwn: () => {} })).transport;

/** With who calls, as a module or another process says. */
const by = (transport: Transport): Client<typeof ShelfService> => {
  const values = () => new CallValues(callIn(orgIn(200), true));
  return createClient(ShelfService, {
    unary: (method, signal, timeoutMs, header, input) => transport.unary(method, signal, timeoutMs, header, input, values()),
    stream: (method, signal, timeoutMs, header, input) => transport.stream(method, signal, timeoutMs, header, input, values()),
  });
};

let several: TestShards;
let single: TestShards;
let all: Client<typeof ShelfService>;
let one: Client<typeof ShelfService>;
const cleanUps: (() => Promise<void>)[] = [];
const t = { after: (work: unknown) => void cleanUps.push(work as () => Promise<void>) };

before(async () => {
  [several, single] = await Promise.all([testShards(t as never, 3), testShards(t as never, 1)]);
  const names = ['', 'a', 'A', 'é', 'z', '🎉', '\ue000', 'ab', 'a b', 'x'.repeat(300)];
  const ends = [null, '2026-01-01', '2026-01-01T00:00:00.5Z', '2026-01-01T00:00:00.500001Z', '12026-06-01', '0044-01-01 BC', 'infinity', '-infinity'];
  for (let n = 0; n < 700; n++) {
    const [id, orgId] = [newId(), orgIn((n * 37) % 256)];
    const row = [id, orgId, names[n % names.length], (n % 7) - 3, ends[n % ends.length]];
    const shard = several.shards.find(({ owned }) => owned.owns(orgId))!;
    for (const { place } of [shard, single.shards[0]!]) await place.sql('insert into mod_notes.mod_notes_things values ($1, $2, $3, $4, $5)', row);
  }
  all = by(gather({ shards: several.shards.map(({ db }) => served(db)), secret }));
  one = by(served(single.shards[0]!.db));
});

after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

async function pages(client: Client<typeof ShelfService>, request: Partial<ListThingsRequest>): Promise<{ ids: string[]; total: number }[]> {
  const read = [];
  let pageToken = '';
  do {
    const { things, nextPageToken, totalSize } = await client.listThings({ ...request, pageToken } as never);
    read.push({ ids: things.map(({ thingId }) => thingId), total: totalSize });
    pageToken = nextPageToken;
  } while (pageToken);
  return read;
}

/** A time without end, or before all time, has no place in a message. */
const telling = 'end_time > "1900-01-01T00:00:00Z" AND end_time < "9000-01-01T00:00:00Z"';
const fieldNames = ['name', 'count', 'end_time'];
const orders = fc.shuffledSubarray(fieldNames, { minLength: 0 }).chain((names) => fc.tuple(...names.map((name) => fc.constantFrom(name, `${name} desc`)))).map((parts) => parts.join(', '));

test('every page of a list from all shards is that of one database with all rows', async () => {
  const requests = fc.record({ orderBy: orders, pageSize: fc.constantFrom(0, 1, 3, 10, 49, 149, 300, 1000), filter: fc.constantFrom('', 'count > 0', 'count = 99', 'name = "a"'), countTotal: fc.boolean() })
    .filter(({ pageSize, filter }) => pageSize === 0 || pageSize >= 10 || filter === 'name = "a"');
  await fc.assert(fc.asyncProperty(requests, async (request) => {
    const asked = { ...request, filter: [request.filter, telling].filter((part) => part).join(' AND ') };
    assert.deepEqual(await pages(all, asked), await pages(one, asked));
  }), { numRuns: 40 });
});

test('rows without a value stand where one database has them', async () => {
  for (const orderBy of ['end_time', 'end_time desc', 'end_time desc, name', 'name desc, end_time']) {
    const request = { orderBy, filter: 'NOT end_time > "9000-01-01T00:00:00Z" AND NOT end_time < "1900-01-01T00:00:00Z"', pageSize: 60, countTotal: true };
    assert.deepEqual(await pages(all, request), await pages(one, request));
  }
});

test('a page token is good for the same question of the same caller only, and what shards tell each other goes no further', async () => {
  const usual = { filter: `count = 1 AND ${telling}`, pageSize: 10 };
  const { nextPageToken } = await all.listThings(usual, { onHeader: (header) => assert.equal(header.get(gatheredHeader), null) });
  assert.ok(nextPageToken);
  await all.listThings({ ...usual, pageSize: 20, pageToken: nextPageToken });
  for (const wrong of [{ ...usual, filter: `count = 2 AND ${telling}`, pageToken: nextPageToken }, { ...usual, pageToken: `${nextPageToken}A` }, { ...usual, orderBy: 'count', pageToken: nextPageToken }]) {
    await assert.rejects(all.listThings(wrong), (error) => reasonOf(error) === 'kernel.BAD_PAGE_TOKEN');
  }
});

test('a list that no shard has rows of is empty', async () => {
  assert.deepEqual(await pages(all, { filter: 'count = 99', countTotal: true }), [{ ids: [], total: 0 }]);
});

test('what is wrong with a question is told as one shard tells it', async () => {
  await assert.rejects(all.listThings({ filter: 'nothing = 1' }), (error) => reasonOf(error) === 'kernel.INVALID_FILTER');
});

test('a thing is found and changed by its id in the shard that has it, and only there', async () => {
  const { things } = await all.listThings({ filter: `count = 2 AND ${telling}`, pageSize: 30 });
  for (const { thingId } of things) {
    assert.equal((await all.getThing({ thingId })).thingId, thingId);
    assert.equal((await all.nameThing({ thingId, name: `named ${thingId}` })).name, `named ${thingId}`);
  }
  const records = await Promise.all(several.shards.map(({ place }) => place.sql(`select outcome from mod_notes.mod_notes_commands where method like '%NameThing'`)));
  assert.equal(records.flat().length, things.length);
  const missing = (error: unknown) => error instanceof ConnectError && error.code === Code.NotFound;
  await assert.rejects(all.getThing({ thingId: newId() }), missing);
  await assert.rejects(all.nameThing({ thingId: newId(), name: 'x' }), missing);
  const dropped = await all.dropThing({ name: `named ${things[3]!.thingId}` });
  assert.equal(dropped.thingId, things[3]!.thingId);
  await assert.rejects(all.dropThing({ name: `named ${things[3]!.thingId}` }), missing);
});

test('where a shard does not answer nobody says that there is nothing', async () => {
  const away: Transport = { unary: () => Promise.reject(new ConnectError('away', Code.Unavailable)), stream: () => Promise.reject(new ConnectError('away', Code.Unavailable)) };
  const some = by(gather({ shards: [served(several.shards[0]!.db), away], secret }));
  const isAway = (error: unknown) => error instanceof ConnectError && error.code === Code.Unavailable;
  await assert.rejects(some.getThing({ thingId: newId() }), isAway);
  await assert.rejects(some.listThings({}), isAway);
  await assert.rejects(some.nameThing({ thingId: newId(), name: 'x' }), isAway);
});

test('a stream gives what every shard has', async () => {
  const exported: string[] = [];
  const plain = by(gather({ shards: several.shards.map(({ db }) => served(db)), secret }));
  await Promise.all(several.shards.map(({ place }) => place.sql(`update mod_notes.mod_notes_things set end_time = null where not isfinite(end_time) or extract(year from end_time) not between 1900 and 9000`)));
  for await (const { thingId } of plain.exportThings({})) exported.push(thingId);
  const [{ count }] = (await Promise.all(several.shards.map(({ place }) => place.sql<{ count: number }>('select count(*)::int as count from mod_notes.mod_notes_things')))).reduce(([sum], [part]) => [{ count: sum!.count + part!.count }]) as [{ count: number }];
  assert.equal(new Set(exported).size, count);
});

test('an org in a call is nobody else\'s: only whoever speaks for a process is given the order of rows', async () => {
  const transport = served(several.shards[0]!.db);
  const { header } = await runInCall(callIn(orgIn(1), true), () => transport.unary(ShelfService.method.listThings, undefined, undefined, { 'mainstay-gather': 'e30' }, { filter: `count = 1 AND ${telling}` }));
  assert.equal(header.get(gatheredHeader), null);
});
