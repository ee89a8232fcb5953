import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import pg from 'pg';
import { connectionConfig } from './connection.ts';
import { clientSettings } from './pool.ts';
import { runStatement } from './statement.ts';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';

let database: TestDatabase;
let ours: pg.Client;
let plain: pg.Client;
before(async () => {
  database = await testDatabase();
  ours = new pg.Client(clientSettings(connectionConfig(database.adminUrl, { database: 'postgres' }), true));
  plain = new pg.Client(connectionConfig(database.adminUrl, { database: 'postgres' }));
  await Promise.all([ours.connect(), plain.connect()]);
});
after(async () => {
  await Promise.all([ours.end(), plain.end()]);
  await database.drop();
});

test('times, texts, numbers and arrays come back as the library reads them', async () => {
  const text = 'select $1::timestamptz as t, $2::text[] as a, $3::boolean as b, $4::int4 as i, $5::text as s, $6::uuid as u, null::timestamptz as n, $7::jsonb as j';
  const value = fc.record({
    t: fc.date({ min: new Date('0101-01-01'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
    a: fc.array(fc.oneof(fc.string(), fc.constantFrom('NULL', 'null', '', ' ', '{', '"', '\\', 'two words', 'a,b')).map((one) => one.replaceAll('\0', '')), { maxLength: 5 }),
    b: fc.boolean(), i: fc.integer(), s: fc.string({ unit: 'grapheme' }).map((one) => one.replaceAll('\0', '')), u: fc.uuid(), j: fc.dictionary(fc.constantFrom('a', 'b'), fc.integer()),
  });
  await fc.assert(fc.asyncProperty(value, async ({ t, a, b, i, s, u, j }) => {
    const values = [t, a, b, i, s, u, JSON.stringify(j)];
    const [answer, expected] = await Promise.all([runStatement(ours, text, values), plain.query(text, values)]);
    assert.deepEqual(answer.rows, expected.rows.map((row: object) => ({ ...row })));
    assert.deepEqual([answer.command, answer.rowCount], [expected.command, expected.rowCount]);
  }), { numRuns: 300 });
});

test('times outside of our era, infinite ones, and digits below a millisecond are read as the library reads them', async () => {
  for (const literal of ['infinity', '-infinity', '0044-03-15 12:00:00+00 BC', '0044-03-15 12:00:00+00', '12026-01-01 00:00:00+00', '2026-05-17 12:00:00.123456+00', '2026-05-17 12:00:00.9999+00', '2026-05-17 12:00:00.5+00', '2026-05-17 12:00:00.05+00', '2026-05-17 12:00:00.000001+00', '2026-05-17 23:59:59.999999+00', '2026-05-17 12:00:00+00']) {
    const text = `select '${literal}'::timestamptz as t`;
    assert.deepEqual((await runStatement(ours, text)).rows, (await plain.query(text)).rows.map((row: object) => ({ ...row })), literal);
  }
});

test('a whole number that JavaScript cannot hold is refused, and the connection goes on', async () => {
  await assert.rejects(runStatement(ours, 'select 9007199254740993::int8 as n'), /does not fit/);
  assert.deepEqual((await runStatement(ours, 'select 42::int8 as n')).rows, [{ n: 42 }]);
});

test('a column may have any name, and of two with one name the later counts', async () => {
  const { rows: [row] } = await runStatement(ours, 'select 1 as "__proto__", 2 as "constructor", 3 as "two words", 4 as "a ""b"" \\ c", 5 as one, 6 as one');
  assert.deepEqual([Object.entries(row!), Object.getPrototypeOf(row)], [[['__proto__', 1], ['constructor', 2], ['two words', 3], ['a "b" \\ c', 4], ['one', 6]], Object.prototype]);
});

test('statements behind one that fails get their own answers', async () => {
  const outcomes = await Promise.allSettled([runStatement(ours, 'select 1 as n'), runStatement(ours, 'select 1 / 0 as n'), runStatement(ours, 'select 3 as n'), runStatement(ours, 'selec'), runStatement(ours, 'select 5 as n')]);
  assert.deepEqual(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.rows[0]!.n : (outcome.reason as { code: string }).code)), [1, '22012', 3, '42601', 5]);
});
