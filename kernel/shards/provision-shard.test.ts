import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf } from '../errors/define-errors.ts';
import { runInCall } from '../guard/call.ts';
import { provision } from '../data/provision.ts';
import { newId } from '../data/new-id.ts';
import { asAdministrator } from '../testing/postgres.ts';
import { provisionShard } from './provision-shard.ts';
import { SLOT_LOCK } from './shard-sql.ts';
import { formatSlots } from './slots.ts';
import { callIn, module, orgIn, secret, testShards, type TestShard } from './testing/test-shards.ts';

const note = (shard: TestShard, orgId: string, text = 'hello') => {
  const id = newId();
  return runInCall(callIn(orgId), () => shard.db.write((tx) => tx.insertInto('mod_notes_notes').values({ id, text } as never).execute())).then(() => id);
};

const texts = (shard: TestShard, orgId: string, acrossOrgs = false) =>
  runInCall(callIn(orgId, acrossOrgs), () => shard.db.read((q) => q.selectFrom('mod_notes_notes').select('text').orderBy('text').execute())).then((rows) => rows.map(({ text }) => text));

const isWrongShard = (error: unknown) => reasonOf(error) === 'kernel.WRONG_SHARD';

test('shards that start at once divide all slots between them, and keep them', async (t) => {
  const { main, shards } = await testShards(t, 3);
  assert.deepEqual(shards.map(({ owned }) => formatSlots(owned.slots)), ['0-85', '86-170', '171-255']);
  const { adminUrl, name: database } = shards[1]!.place;
  const again = await provisionShard({ adminUrl, database, main: { adminUrl, database: main.name }, process: module, shard: { index: 1, count: 3 }, modules: [module], secret });
  assert.equal(formatSlots(again.slots), '86-170');
  await again.close();
});

test('a shard that is added later owns nothing', async (t) => {
  const { add, shards } = await testShards(t, 2);
  const late = await add(2, 3);
  assert.equal(formatSlots(late.owned.slots), '');
  assert.equal(formatSlots(shards[0]!.owned.slots), '0-127');
});

test('fewer shards than own slots are refused by name', async (t) => {
  const { add } = await testShards(t, 4);
  await assert.rejects(add(0, 2), /mod-notes has 2 shards .* slots 128-255 lie in shards above 1: say shards: 4/);
});

test('the database of another shard is refused by name', async (t) => {
  const { main, shards } = await testShards(t, 2);
  const { adminUrl, name: database } = shards[0]!.place;
  const place = { adminUrl, database, main: { adminUrl, database: main.name }, modules: [module], secret };
  await assert.rejects(provisionShard({ ...place, process: module, shard: { index: 1, count: 2 } }), /the database of shard 1 of mod-notes is that of shard 0 of mod-notes/);
});

test('an org is read and written only in the shard that owns its slot, by every path', async (t) => {
  const { shards: [first, second] } = await testShards(t, 2);
  const org = orgIn(7);
  await note(first!, org);
  assert.deepEqual(await texts(first!, org), ['hello']);
  await assert.rejects(note(second!, org), isWrongShard);
  await assert.rejects(texts(second!, org), isWrongShard);
  // Of one statement that waits for no answer, on connections that are in the org already.
  const atCommit = (shard: TestShard) => runInCall(callIn(org), async () => {
    const scope = shard.db.beginCommand(callIn(org));
    await scope.write(async (tx) => tx.atCommit(tx.insertInto('mod_notes_notes').values({ id: newId(), text: 'at commit' } as never)));
    await scope.commit([]);
  });
  for (let i = 0; i < 3; i++) await atCommit(first!);
  assert.equal((await texts(first!, org)).length, 4);
  await first!.place.sql('delete from mainstay.slots where slot = 7');
  for (let i = 0; i < 3; i++) await assert.rejects(atCommit(first!), isWrongShard);
  await assert.rejects(texts(first!, org), isWrongShard);
  await assert.rejects(note(first!, org), isWrongShard);
  await second!.place.sql('insert into mainstay.slots values (7)');
  await note(second!, org);
  assert.deepEqual(await texts(second!, org), ['hello']);
});

test('who sees every org sees those that the shard owns, and can not write others', async (t) => {
  const { shards: [first] } = await testShards(t, 2);
  await note(first!, orgIn(7), 'seven');
  const id = await note(first!, orgIn(8), 'eight');
  assert.deepEqual(await texts(first!, orgIn(200), true), ['eight', 'seven']);
  await first!.place.sql('delete from mainstay.slots where slot = 8');
  assert.deepEqual(await texts(first!, orgIn(8), true), ['seven']);
  const change = (org_id?: string) => runInCall(callIn(orgIn(7), true), () => first!.db.write((tx) => tx.updateTable('mod_notes_notes').set({ text: 'changed', ...(org_id && { org_id }) }).where('id', '=', id).execute()));
  assert.equal((await change())[0]!.numUpdatedRows, 0n);
  await first!.place.sql('insert into mainstay.slots values (8)');
  assert.equal((await change())[0]!.numUpdatedRows, 1n);
  await assert.rejects(change(orgIn(200)), isWrongShard);
});

test('a transaction that writes keeps its slot until it ends', async (t) => {
  const { shards: [first] } = await testShards(t, 2);
  const mayTake = (slot: number) => asAdministrator(first!.place, async (client) => (await client.query('select pg_try_advisory_lock($1, $2) as free', [SLOT_LOCK, slot])).rows[0].free as boolean);
  await runInCall(callIn(orgIn(7)), () => first!.db.write(async (tx) => {
    await tx.selectFrom('mod_notes_notes').select('id').execute();
    assert.deepEqual([await mayTake(7), await mayTake(8)], [false, true]);
  }));
  assert.equal(await mayTake(7), true);
  await runInCall(callIn(orgIn(7), true), () => first!.db.write(async (tx) => {
    await tx.selectFrom('mod_notes_notes').select('id').execute();
    assert.deepEqual([await mayTake(7), await mayTake(256)], [true, false]);
  }));
});

test('a shard stays one when it is provisioned as if it were none', async (t) => {
  const { shards: [first] } = await testShards(t, 2);
  await provision({ adminUrl: first!.place.adminUrl, database: first!.place.name, modules: [module, 'mod-other'], secret });
  await assert.rejects(texts(first!, orgIn(200)), isWrongShard);
  await assert.rejects(note(first!, orgIn(200)), isWrongShard);
});

test('a database that is no shard has nothing of it', async (t) => {
  const { main } = await testShards(t, 1);
  await provision({ adminUrl: main.adminUrl, database: main.name, modules: [module], secret });
  const [found] = await main.sql("select to_regclass('mainstay.slots') as slots, to_regproc('mainstay.hold_org') as hold");
  assert.deepEqual(found, { slots: null, hold: null });
});
