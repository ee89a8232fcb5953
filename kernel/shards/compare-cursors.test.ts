import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../testing/postgres.ts';
import { provision } from '../data/provision.ts';
import { compareCursors } from './compare-cursors.ts';

const values: Record<string, (string | null)[]> = {
  text: ['', 'a', 'B', 'ab', 'a b', 'é', '🎉', '\ue000', null],
  uuid: ['018f0000-0000-7000-8000-0000000000ff', '018f0000-0000-7000-8000-00000000000a', 'f0000000-0000-4000-8000-000000000000'],
  boolean: ['true', 'false', null],
  bigint: ['9007199254740993', '9007199254740992', '-5', '10', '9', null],
  numeric: ['1.10', '1.1001', '-0.5', '100', '99.99', '-0.25', 'NaN', 'Infinity', '-Infinity'],
  'double precision': ['1e300', '-1e-5', '0', '3.5', 'Infinity'],
  'timestamp with time zone': ['2026-01-01 00:00:00+00', '2026-01-01 00:00:00.5+00', '2026-01-01 00:00:00.500001+00', '12026-06-01 00:00:00+00', '0044-03-15 00:00:00+00 BC', '0045-01-01 00:00:00+00 BC', 'infinity', '-infinity', null],
  date: ['2026-01-02', '2025-12-31', 'infinity'],
  interval: ['1 mon', '30 days', '29 days 23:59:59.999999', '1 year', '359 days', '-1 days', '-00:00:01.5', '-00:00:01.25', '00:00:00', '1 day -01:00:00', '36:00:00'],
};

test('values are ordered as PostgreSQL orders them, of every type and in both directions', async (t) => {
  const database = await testDatabase();
  t.after(database.drop);
  await provision({ adminUrl: database.adminUrl, database: database.name, modules: ['mod-a'], secret: 'c'.repeat(64) });
  for (const [type, given] of Object.entries(values)) {
    for (const direction of ['asc', 'desc'] as const) {
      const rows = await database.sql<{ text: string | null; place: number }>(`select (v::${type})::text as text, rank() over (order by v::${type} ${direction})::int as place from unnest($1::text[]) as v order by place`, [given]);
      const compare = compareCursors([[type, direction]]);
      for (const one of rows) for (const other of rows) assert.equal(Math.sign(compare([one.text], [other.text])), Math.sign(one.place - other.place), `${type} ${direction}: ${one.text} and ${other.text}`);
    }
  }
});

test('a type whose order is not known is refused', () => {
  assert.throws(() => compareCursors([['inet', 'asc']]), /type inet can not be gathered/);
});
