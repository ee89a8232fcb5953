import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { connectionConfig, withClient } from '../data/connection.ts';
import { testServer } from '../testing/postgres.ts';
import { holdRemovals, mayRemoveContents } from './removals.ts';

test('contents may be removed, by several at once, but not while a backup reads them', async (t) => {
  const config = connectionConfig(await testServer());
  const database = new Kysely<object>({ dialect: new PostgresDialect({ pool: new pg.Pool({ ...config, max: 2 }) }) });
  t.after(() => database.destroy());
  const ask = () => database.transaction().execute(mayRemoveContents);
  assert.equal(await database.transaction().execute(async (tx) => (await mayRemoveContents(tx)) && (await ask())), true);
  await withClient(config, async (client) => {
    await holdRemovals(client);
    assert.equal(await ask(), false);
  });
  assert.equal(await ask(), true);
});
