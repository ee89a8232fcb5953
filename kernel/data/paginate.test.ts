import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Generated } from 'kysely';
import { reasonOf } from '../errors/define-errors.ts';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { createDatabase, type ModuleDatabase } from './create-database.ts';
import { migrate } from './migrate.ts';
import { paginate, type Order } from './paginate.ts';
import { provision } from './provision.ts';

interface Tables { mod_list_items: { id: number; due: Generated<Date>; rank: number }; mod_list_many: { id: number; owner: number }; pg_prepared_statements: { statement: string; generic_plans: number; custom_plans: number; prepare_time: Date } }

const secret = 'f'.repeat(64);
const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
let server: TestDatabase;
let db: ModuleDatabase<Tables>;

before(async () => {
  server = await testDatabase();
  const place = { adminUrl: server.adminUrl, database: server.name };
  writeFileSync(join(files, '0001-items.sql'), `
    create table mod_list_items (id int primary key, due timestamptz not null, rank int not null);
    insert into mod_list_items select n, '2026-01-01'::timestamptz + (n / 3) * interval '1 microsecond', n % 4 from generate_series(1, 25) n;
    create table mod_list_many (id int primary key, owner int not null);
    insert into mod_list_many select n, n % 2 from generate_series(1, 20000) n;
    create index on mod_list_many (owner, id);
    analyze mod_list_many;`);
  await provision({ ...place, modules: ['mod-list'], secret });
  await migrate({ ...place, module: 'mod-list', migrations: pathToFileURL(files) });
  db = createDatabase({ ...place, module: 'mod-list', secret });
});

after(async () => {
  await db.close();
  await server.drop();
  rmSync(files, { recursive: true });
});

const page = (orderBy: Order[], pageToken: string, pageSize = 7, query: unknown = {}) =>
  db.read((q) => paginate(q.selectFrom('mod_list_items').selectAll(), { secret, list: 'items', query, orderBy, pageSize, pageToken }));

for (const orderBy of [[['due', 'asc'], ['id', 'asc']], [['due', 'desc'], ['id', 'desc']], [['rank', 'asc'], ['due', 'desc'], ['id', 'asc']]] as Order[][]) {
  test(`pages ordered by ${orderBy.map((order) => order.join(' ')).join(', ')} show every row once, in order`, async () => {
    const ids: number[] = [];
    for (let token = '', first = true; first || token; first = false) {
      const { rows, nextPageToken } = await page(orderBy, token);
      ids.push(...rows.map(({ id }) => id));
      token = nextPageToken;
    }
    const all = await db.read((q) => orderBy.reduce((made, [column, direction]) => made.orderBy(column as 'id', direction), q.selectFrom('mod_list_items').select('id')).execute());
    assert.deepEqual(ids, all.map(({ id }) => id));
  });
}

test('a page that holds the last row says so', async () => {
  assert.equal((await page([['id', 'asc']], '', 25)).nextPageToken, '');
  assert.notEqual((await page([['id', 'asc']], '', 24)).nextPageToken, '');
});

test('a size of nothing means fifty', async () => {
  assert.equal((await page([['id', 'asc']], '', 0)).rows.length, 25);
});

test('a token of another question is refused', async () => {
  const { nextPageToken } = await page([['id', 'asc']], '');
  await assert.rejects(page([['id', 'asc']], nextPageToken, 7, { rank: 1 }), (error) => reasonOf(error) === 'kernel.BAD_PAGE_TOKEN');
  await assert.rejects(page([['id', 'desc']], nextPageToken), (error) => reasonOf(error) === 'kernel.BAD_PAGE_TOKEN');
});

test('a page of a usual size is not planned anew each time', async () => {
  const plansOf = (pageSize: number) => db.read(async (q) => {
    const select = q.selectFrom('mod_list_many').selectAll().where('owner', '=', 1);
    for (let times = 0; times < 12; times++) await paginate(select, { secret, list: 'many', query: {}, orderBy: [['id', 'asc']], pageSize });
    const statements = await q.selectFrom('pg_prepared_statements').select(['statement', 'generic_plans', 'custom_plans']).where('statement', 'like', '%mod_list_many%').orderBy('prepare_time', 'desc').execute();
    return statements[0]!;
  });
  const { generic_plans: kept, custom_plans: anew } = await plansOf(20);
  assert.ok(kept > 0 && anew <= 5, `${kept} times as before, ${anew} times anew`);
  assert.equal((await plansOf(21)).generic_plans, 0, 'the reason for usual sizes is gone');
});
