import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { sql } from 'kysely';
import { createDatabase, type ModuleDatabase } from '../data/create-database.ts';
import { migrate } from '../data/migrate.ts';
import { provision } from '../data/provision.ts';
import { reasonOf, violationsOf } from '../errors/define-errors.ts';
import { runInCall } from '../guard/call.ts';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { ListedSchema } from '../testing/contract/gen/mainstay/testing/v1/listed_pb.js';
import type { Comparator, Filter, Literal } from './filter.ts';
import { queryFields } from './query-fields.ts';
import { readList, type ListRequest } from './read-list.ts';
import { printFilter } from './testing/print-filter.ts';

interface Row { id: number; name: string; count: number; open: boolean; loudness: string; end_time: Date | null; length: number | null; tags: string[]; maker: string | null }

const secret = 'f'.repeat(64);
const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
const fields = queryFields(
  ListedSchema,
  { name: 'name', count: 'count', open: 'open', loudness: 'loudness', end_time: 'end_time', length: sql`make_interval(secs => length)`, tags: 'tags', maker: sql`(maker is not null)`, 'maker.name': sql`coalesce(maker, '')` },
  { search: ['name', sql`coalesce(maker, '')`] },
);
let server: TestDatabase;
let db: ModuleDatabase<{ mod_list_items: Row }>;
let rows: Row[];

before(async () => {
  server = await testDatabase();
  const place = { adminUrl: server.adminUrl, database: server.name };
  writeFileSync(join(files, '0001-items.sql'), `
    create table mod_list_items (id int primary key, name text not null, count int not null, open bool not null, loudness text not null, end_time timestamptz, length float8, tags text[] not null, maker text);
    insert into mod_list_items select n, (array['', 'A', 'a%b', 'a*b', 'Zoë', 'x y'])[n % 6 + 1], n % 5 - 1, n % 2 = 0, (array['QUIET', 'LOUD'])[n % 2 + 1],
      (array[null, '2026-01-01', '2026-06-01T12:00:00.5Z'])[n % 3 + 1]::timestamptz, (array[null, 1.5, 60])[n / 3 % 3 + 1], (array['{}', '{a}', '{a,b}'])[n / 2 % 3 + 1]::text[], (array[null, 'Ann', 'a'])[n / 5 % 3 + 1]
      from generate_series(1, 60) n;`);
  await provision({ ...place, modules: ['mod-list'], secret });
  await migrate({ ...place, module: 'mod-list', migrations: pathToFileURL(files) });
  db = createDatabase({ ...place, module: 'mod-list', secret });
  rows = await db.read((q) => q.selectFrom('mod_list_items').selectAll().execute());
});

after(async () => {
  await db.close();
  await server.drop();
  rmSync(files, { recursive: true });
});

const person = (accountId: string, orgId = '018f0000-0000-7000-8000-000000000001') => ({ principal: { kind: 'account' as const, accountId, orgId, roles: [], sessionId: 's' }, traceId: '' });
const list = (request: Partial<ListRequest>, as = person('ada'), parts = 1) =>
  runInCall(as, () => db.read((q) => {
    const all = q.selectFrom('mod_list_items').selectAll();
    const selects = parts === 1 ? all : [all.where('id', '<', 20), all.where('id', '>=', 20)];
    return readList(q, selects, { $typeName: 'ListItems', pageSize: 1000, ...request }, { secret, fields, defaultOrder: 'count desc' });
  }));

// What a filter means, told without a database.
const matchesText = (text: string, value: Literal, anywhere: boolean): boolean => {
  const pattern = value.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('[^]*');
  return anywhere ? new RegExp(pattern, 'iu').test(text) : new RegExp(`^${pattern}$`, 'u').test(text);
};
const comparing: Record<string, (order: number) => boolean> = { '=': (o) => o === 0, ':': (o) => o === 0, '<': (o) => o < 0, '<=': (o) => o <= 0, '>': (o) => o > 0, '>=': (o) => o >= 0 };
const values: Record<string, (row: Row) => string | number | boolean | null> = {
  name: (row) => row.name, 'maker.name': (row) => row.maker ?? '', count: (row) => row.count, open: (row) => row.open, loudness: (row) => row.loudness, end_time: (row) => row.end_time && row.end_time.getTime(), length: (row) => row.length,
};

function holds(filter: Filter, row: Row): boolean {
  switch (filter.kind) {
    case 'and': return filter.parts.every((part) => holds(part, row));
    case 'or': return filter.parts.some((part) => holds(part, row));
    case 'not': return !holds(filter.part, row);
    case 'search': return [row.name, row.maker ?? ''].some((text) => matchesText(text, filter.value, true));
    case 'compare': return filter.comparator === '!=' ? !compares(filter.path.join('.'), '=', filter.value, row) : compares(filter.path.join('.'), filter.comparator, filter.value, row);
  }
}

function compares(path: string, comparator: Comparator, value: Literal, row: Row): boolean {
  const any = value.length === 2 && value.join('') === '' && comparator === ':';
  if (path === 'maker') return row.maker !== null;
  if (path === 'tags') return any ? row.tags.length > 0 : row.tags.includes(value[0]!);
  const own = values[path]!(row);
  if (any) return typeof own === 'boolean' ? own : typeof own === 'string' ? own !== '' : own !== null;
  if (typeof own === 'string' && path !== 'loudness' && (comparator === ':' || value.length > 1)) return matchesText(own, value, comparator === ':');
  if (own === null) return false;
  const text = value[0]!;
  if (typeof own === 'string') return comparing[comparator]!(Buffer.compare(Buffer.from(own), Buffer.from(text)));
  if (typeof own === 'boolean') return own === (text === 'true');
  return comparing[comparator]!(own - (path === 'end_time' ? Date.parse(text) : parseFloat(text)));
}

const comparison = (paths: string[], comparators: Comparator[], literals: Literal[]) =>
  fc.record({ kind: fc.constant('compare' as const), path: fc.constantFrom(...paths).map((path) => path.split('.')), comparator: fc.constantFrom(...comparators), value: fc.constantFrom(...literals), at: fc.constant(0) });
const ordered: Comparator[] = ['=', '!=', '<', '<=', '>', '>=', ':'];
const leaf = fc.oneof(
  comparison(['name', 'maker.name'], ordered, [['a'], ['A'], [''], ['a%b'], ['a*b'], ['_'], ['zoë'], ['x y'], ['\\']]),
  comparison(['name', 'maker.name'], ['=', '!=', ':'], [['a', ''], ['', 'b'], ['', '*', ''], ['', ''], ['A', '', 'n']]),
  comparison(['count'], ordered, [['0'], ['-1'], ['2.5'], ['1e0'], ['+3']]),
  comparison(['open'], ['=', '!=', ':'], [['true'], ['false']]),
  comparison(['loudness'], ['=', '!=', ':'], [['QUIET'], ['LOUD']]),
  comparison(['end_time'], ordered, [['2026-01-01'], ['2026-06-01T14:00:00.5+02:00'], ['2026-03-01T00:00:00Z']]),
  comparison(['length'], ordered, [['1.5s'], ['60s'], ['-2s']]),
  comparison(['tags'], [':'], [['a'], ['b'], ['c'], ['', '']]),
  comparison(['maker', 'length', 'end_time', 'open'], [':'], [['', '']]),
  fc.record({ kind: fc.constant('search' as const), value: fc.constantFrom<Literal>(['a'], ['ANN'], ['a', 'b'], ['%']), at: fc.constant(0) }),
);
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof({ maxDepth: 3 }, leaf, tie('filter').map((part): Filter => ({ kind: 'not', part })), fc.tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('filter'), { minLength: 2, maxLength: 3 })).map(([kind, parts]): Filter => ({ kind, parts }))),
}));

test('a filter finds the rows it means, and counts them', async () => {
  await fc.assert(fc.asyncProperty(filter, async (made) => {
    const expected = rows.filter((row) => holds(made, row)).map(({ id }) => id).sort((one, other) => one - other);
    const found = await list({ filter: printFilter(made), countTotal: true });
    assert.deepEqual(found.rows.map(({ id }) => id).sort((one, other) => one - other), expected, printFilter(made));
    assert.equal(found.totalSize, expected.length);
  }), { numRuns: 400 });
});

const order = fc.uniqueArray(fc.tuple(fc.constantFrom('name', 'count', 'end_time'), fc.constantFrom('', ' asc', ' desc')), { minLength: 1, maxLength: 3, selector: ([name]) => name }).map((parts) => parts.map((part) => part.join('')).join(', '));

test('pages in any order show every row once, in order, with nulls and out of several queries', async () => {
  await fc.assert(fc.asyncProperty(order, fc.integer({ min: 1, max: 25 }), fc.constantFrom(1, 2), async (orderBy, pageSize, parts) => {
    const whole = (await list({ orderBy })).rows;
    const seen: Row[] = [];
    for (let pageToken = '', first = true; first || pageToken; first = false) {
      const page = await list({ orderBy, pageSize, pageToken }, person('ada'), parts);
      seen.push(...page.rows);
      pageToken = page.nextPageToken;
    }
    // Beside the columns by which each page was found, which differ with how it was asked for.
    const own = (row: Row) => Object.fromEntries(Object.entries(row).filter(([column]) => !column.startsWith('page_')));
    assert.deepEqual(seen.map(own), whole.map(own));
    assert.equal(whole.length, rows.length);
    assert.deepEqual(whole.map(({ id }) => id), rows.toSorted(byOrder(orderBy)).map(({ id }) => id));
  }), { numRuns: 60 });
});

function byOrder(orderBy: string): (one: Row, other: Row) => number {
  const parts = orderBy.split(', ').map((part) => part.split(' '));
  return (one, other) => {
    for (const [name, direction] of [...parts, ['id', parts.at(-1)![1] ?? 'asc']]) {
      const [left, right] = [one[name as 'id'], other[name as 'id']].map((value: unknown) => (value === null ? Infinity : typeof value === 'string' ? value : Number(value)));
      const place = typeof left === 'string' ? Buffer.compare(Buffer.from(left), Buffer.from(String(right))) : left === right ? 0 : Number(left) < Number(right) ? -1 : 1;
      if (place !== 0) return direction === 'desc' ? -place : place;
    }
    return 0;
  };
}

test('a page token is good for the same caller, org, method, filter and order only, and unchanged only', async () => {
  const asked = { filter: 'open = true', orderBy: 'name', pageSize: 5 };
  const { nextPageToken: pageToken } = await list(asked);
  assert.equal((await list({ ...asked, pageToken, pageSize: 7 })).rows.length, 7);
  const others: Promise<unknown>[] = [
    list({ ...asked, pageToken, filter: 'open = false' }), list({ ...asked, pageToken, filter: '' }), list({ ...asked, pageToken, orderBy: 'name desc' }), list({ ...asked, pageToken, orderBy: 'count' }),
    list({ ...asked, pageToken, $typeName: 'ListOthers' }), list({ ...asked, pageToken }, person('ben')), list({ ...asked, pageToken }, person('ada', '018f0000-0000-7000-8000-000000000002')),
  ];
  for (const other of others) await assert.rejects(other, (error) => reasonOf(error) === 'kernel.BAD_PAGE_TOKEN');
  await fc.assert(fc.asyncProperty(fc.nat(), fc.nat(255), async (at, byte) => {
    const bytes = Buffer.from(pageToken, 'base64url');
    fc.pre(bytes[at % bytes.length] !== byte);
    bytes[at % bytes.length] = byte;
    await assert.rejects(list({ ...asked, pageToken: bytes.toString('base64url') }), (error) => reasonOf(error) === 'kernel.BAD_PAGE_TOKEN');
  }), { numRuns: 100 });
});

const wrongFilters: [filter: string, problem: RegExp][] = [
  ['size = 3', /^unknown field size; filterable: name, count, .*maker\.name, at column 1$/],
  ['open = true secret = "x"', /^it can not be filtered by secret; .*at column 13$/],
  ['maker.secret = "x"', /filterable/], ['count = many', /a number/], ['open < true', /= != :/], ['tags = a', /: only/], ['loudness = SOFT', /one of QUIET, LOUD/], ['end_time > 2026-02-30', /a time/], ['end_time > 2026-02-01T25:00:00Z', /a time/], ['end_time > 2026-02-01T24:00:00Z', /a time/],
  ['end_time > "0001-01-01T00:00:00+23:00"', /a time/], ['end_time = "2026-*"', /wildcards/], ['length = 5', /seconds/], ['maker = x', /: only/], ['maker:x', /is there/], ['name < "a*"', /wildcards/], ['name = "\0"', /not valid/], ['name : "\0"', /not valid, at column 9/], ['\ud800', /not valid, at column 1/], ['count:"1*"', /wildcards/],
];

for (const [text, problem] of wrongFilters) {
  test(`the filter ${JSON.stringify(text)} is refused with what is allowed`, async () => {
    await assert.rejects(list({ filter: text }), (error) => {
      assert.equal(reasonOf(error), 'kernel.INVALID_FILTER', String(error));
      assert.match(violationsOf(error)[0]!.description, problem);
      return true;
    });
  });
}

test('no comparison of a field with any text fails otherwise than with a clear error', async () => {
  const paths = fc.constantFrom(...fields.filterable.keys());
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom('1e999', '9'.repeat(38), '2026-01-01T00:00:60Z', '2026-12-31T24:00:00Z', '9999-12-31T23:59:59-12:00', '0000-01-01', '999999999s', 'NaN', 'Infinity', '2026-01-01T00:00:00.123456789Z', '2026-01-01T00:00:00+23:59'));
  await fc.assert(fc.asyncProperty(paths, fc.constantFrom(...ordered), text, async (path, comparator, value) => {
    const made: Filter = { kind: 'compare', path: path.split('.'), comparator, value: value.split('*'), at: 0 };
    await list({ filter: printFilter(made) }).catch((error: unknown) => assert.equal(reasonOf(error), 'kernel.INVALID_FILTER', String(error)));
  }), { numRuns: 800 });
});

const atTheLimit: [what: string, request: Partial<ListRequest>, found: number][] = [
  ['100 terms', { filter: Array(100).fill('-tags:none').join(' ') }, 60],
  ['100 words that are looked for', { filter: Array.from({ length: 100 }, (_, at) => `w${at}`).join(' OR ') }, 0],
  ['1,900 wildcards', { filter: `name = "${'*'.repeat(1900)}"` }, 60],
  ['950 wildcards with letters between', { filter: `name : "${'a*'.repeat(950)}"` }, 0],
  ['20 levels', { filter: `${'NOT ('.repeat(20)}count > 9${')'.repeat(20)}` }, 0],
  ['a word of 2,000 characters', { filter: 'x'.repeat(2000) }, 0],
  ['the largest page size', { pageSize: 2 ** 31 - 1 }, 60],
];
for (const [what, request, found] of atTheLimit) {
  test(`a list is read, and counted, with ${what}`, async () => {
    const page = await list({ ...request, countTotal: true });
    assert.deepEqual([page.rows.length, page.totalSize], [found, found]);
  });
}

const wrongOrders: [orderBy: string, problem: RegExp][] = [['open', /sortable: name, count, end_time/], ['name, name desc', /twice/], ['endTime, end_time', /twice/], ['name down', /commas/], ['name,,count', /commas/], [',', /commas/], [Array(9).fill('name').join(), /8 fields/]];
for (const [orderBy, problem] of wrongOrders) {
  test(`the order ${JSON.stringify(orderBy.slice(0, 30))} is refused`, async () => {
    await assert.rejects(list({ orderBy }), (error) => reasonOf(error) === 'kernel.INVALID_ORDER' && problem.test(violationsOf(error)[0]!.description));
  });
}

test('a field that is declared without a column, or a column without a field, stops the start', () => {
  assert.throws(() => queryFields(ListedSchema, { name: 'name' }), /count has no column/);
  assert.throws(() => queryFields(ListedSchema, { secret: 'secret' }), /secret is neither/);
});
