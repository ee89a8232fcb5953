import type { OrderedBy } from './gathering.ts';

type Compare = (one: string, other: string) => number;

const number: Compare = (one, other) => (one === other ? 0 : decimal(one, other));
const bytes: Compare = (one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other));
const plain: Compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
const time: Compare = (one, other) => timeOf(one)[0] - timeOf(other)[0] || plain(timeOf(one)[1], timeOf(other)[1]);
const interval: Compare = (one, other) => Number(microseconds(one) - microseconds(other));

/** How PostgreSQL orders values of each type, given as its own text. Text is ordered by its code points, as the databases are made. */
const byType: Record<string, Compare> = {
  text: bytes, 'character varying': bytes, character: bytes, name: bytes, uuid: plain, boolean: plain,
  smallint: number, integer: number, bigint: number, numeric: number, real: number, 'double precision': number,
  'timestamp with time zone': time, 'timestamp without time zone': time, date: time, 'time without time zone': plain, interval,
};

/** Compares rows by the values that a list is ordered by; nulls stand last, or first where it descends. Throws for a type whose order is not known here. */
export function compareCursors(order: readonly OrderedBy[]): (one: readonly (string | null)[], other: readonly (string | null)[]) => number {
  const columns = order.map(([type, direction]) => {
    const compare = byType[type];
    if (!compare) throw new Error(`lists that are ordered by values of type ${type} can not be gathered from shards`);
    const sign = direction === 'asc' ? 1 : -1;
    return (one: string | null, other: string | null) => sign * (one === null || other === null ? Number(one === null) - Number(other === null) : compare(one, other));
  });
  return (one, other) => {
    for (const [at, compare] of columns.entries()) {
      const difference = compare(one[at] ?? null, other[at] ?? null);
      if (difference !== 0) return difference;
    }
    return 0;
  };
}

/** Whole numbers may be larger than a number is exact. */
function decimal(one: string, other: string): number {
  const [first, second] = [one, other].map((text) => (text === 'NaN' ? Infinity : Number(text))) as [number, number];
  if (first !== second) return first - second || 0;
  if (!/^-?\d+(\.\d+)?$/.test(one) || !/^-?\d+(\.\d+)?$/.test(other)) return Number(one === 'NaN') - Number(other === 'NaN');
  const places = Math.max(fraction(one).length, fraction(other).length);
  const [exact, than] = [one, other].map((text) => BigInt(text.replace(/\..*/, '') + fraction(text).padEnd(places, '0'))) as [bigint, bigint];
  return exact < than ? -1 : exact > than ? 1 : 0;
}

const fraction = (text: string): string => text.split('.')[1] ?? '';

/** The year, and the rest so that its text is in order: `2026-11-30 12:00:00.5+00`, in UTC. */
function timeOf(text: string): [year: number, rest: string] {
  if (text === 'infinity') return [1e9, ''];
  if (text === '-infinity') return [-1e9, ''];
  const [, year, rest] = /^(\d+)-([^+]*?)(?:\+00)?(?: BC)?$/.exec(text)!;
  return [text.endsWith(' BC') ? 1 - Number(year) : Number(year), rest!];
}

/** The length that intervals are ordered by: a month is 30 days, a day 24 hours. Of such as `1 year 2 mons -3 days 04:05:06.7`. */
function microseconds(text: string): bigint {
  const of = (unit: RegExp) => BigInt(unit.exec(text)?.[1] ?? 0);
  const days = (of(/(-?\d+) years?/) * 12n + of(/(-?\d+) mons?/)) * 30n + of(/(-?\d+) days?/);
  const [, sign, hours = '0', minutes = '0', seconds = '0', part = ''] = /(-)?(\d+):(\d+):(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const clock = ((BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(seconds)) * 1_000_000n + BigInt(part.padEnd(6, '0'));
  return days * 86_400_000_000n + (sign ? -clock : clock);
}
