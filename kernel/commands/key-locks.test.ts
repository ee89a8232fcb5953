import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createDatabase, type ModuleDatabase } from '../data/create-database.ts';
import { provision } from '../data/provision.ts';
import { reasonOf } from '../errors/define-errors.ts';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { KeyLocks } from './key-locks.ts';

const secret = 'c'.repeat(64);
const key = Buffer.alloc(32, 7);
let server: TestDatabase;
let db: ModuleDatabase<any>;

before(async () => {
  server = await testDatabase();
  const place = { adminUrl: server.adminUrl, database: server.name };
  await provision({ ...place, modules: ['mod-locks'], secret });
  db = createDatabase({ ...place, module: 'mod-locks', secret });
});

after(async () => {
  await db.close();
  await server.drop();
});

const isRunning = (error: unknown) => reasonOf(error) === 'kernel.COMMAND_RUNNING';

test('a key is locked for others, here and in other processes, until it is unlocked', async () => {
  const [locks, elsewhere] = [new KeyLocks(db), new KeyLocks(db)];
  const unlock = await locks.lock(key);
  await assert.rejects(locks.lock(key), isRunning);
  await assert.rejects(elsewhere.lock(key), isRunning);
  await unlock();
  await (await elsewhere.lock(key))();
});

test('who unlocks twice does not unlock what another has locked meanwhile', async () => {
  const locks = new KeyLocks(db);
  const early = await locks.lock(key);
  await early();
  const later = await locks.lock(key);
  await early();
  await assert.rejects(locks.lock(key), isRunning);
  await later();
  await (await locks.lock(key))();
});
