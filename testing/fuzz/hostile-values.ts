import { Buffer } from 'node:buffer';

/**
 * Characters of the private use area that stand, in a value, for what no JavaScript value is: each is put in its place
 * when the value is written as JSON.
 */
const literals: Readonly<Record<string, string>> = {
  '\ue001': `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  '\ue002': `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  '\ue003': '1e400',
  '\ue004': '-0',
  '\ue005': '123456789012345678901234567890',
  '\ue006': 'NaN',
  '\ue007': '{"name":"a","name":"b"}',
  '\ue008': '[1,2,]',
  '\ue009': '0.1e-400',
};

/** Characters that stand for bytes that are no UTF-8: a surrogate, an overlong form, and what never occurs. */
const brokenBytes: readonly [character: string, bytes: readonly number[]][] = [
  ['\ue010', [0xed, 0xa0, 0x80]],
  ['\ue011', [0xc0, 0x80, 0x41]],
  ['\ue012', [0xff, 0xfe, 0xfd]],
];

/** Texts at which programs break. */
export const hostileTexts: readonly string[] = [
  '', ' ', 'a', '\0', 'a\0b', '\ud800', 'x\udfff', '\ue010', 'a\ue011', '\ue012', '\u202e\u2066abc', '\u{1f600}'.repeat(20), 'e\u0301'.repeat(50), '\ufeff', "'; drop table x; --", '%', '*', '\\', '../..', '__proto__', 'constructor',
  'x'.repeat(65), 'x'.repeat(501), 'x'.repeat(2001), 'null', 'NaN', 'Infinity', '-0', '1e400', '9223372036854775807', '9223372036854775808', '-9223372036854775809', '18446744073709551616', '2147483648', '0x10', ' 1',
  'YQ', 'YQ==', 'YQ=', 'Y-_/', '====', '%00', 'BEGIN:VCALENDAR', 'FREQ=SECONDLY;COUNT=1000000000', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'Europe/Atlantis', '${a}', '00000000-0000-0000-0000-000000000000', '019A0000-0000-7000-8000-00000000DEAD',
];

/** Times at the edges of the calendar, and what only looks like a time. */
export const hostileTimes: readonly string[] = [
  '0000-12-31T23:59:59Z', '0001-01-01T00:00:00Z', '0001-01-01T00:00:00+14:00', '9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59-14:00', '10000-01-01T00:00:00Z', '+010000-01-01T00:00:00Z', '-0001-01-01T00:00:00Z', '1969-12-31T23:59:59.999999999Z',
  '2016-12-31T23:59:60Z', '2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T00:00:00.1234567890Z', '2026-01-01T00:00:00+25:00', '2026-01-01', '2026-01-01t00:00:00z', 'infinity', '-infinity', 'now', '1582-10-10T00:00:00Z',
];

/** Spans at the edges of what a duration holds. */
export const hostileDurations: readonly string[] = ['0s', '-0s', '-1.5s', '315576000000s', '315576000001s', '1.0000000001s', '1', 's', '1e9s', 'infinity', '-0.000000001s'];

/** Values of every type that JSON has, for a field of any other. */
export const hostileValues: readonly unknown[] = [
  ...hostileTexts, ...hostileTimes, ...hostileDurations, ...Object.keys(literals), null, true, false, 0, -1, 1, 0.5, -1.5, 1e21, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 53, -(2 ** 63), 1e308, 5e-324,
  [], {}, [[]], [null], [1, 'a', {}], { a: { b: { c: null } } }, JSON.parse('{"__proto__":{"polluted":true}}'), { constructor: { prototype: { polluted: true } } }, { toString: 1, valueOf: 1 }, { '': '' }, { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '1s' }, { '@type': 'x' },
  { '@type': 'type.googleapis.com/google.protobuf.Any', value: { '@type': 'type.googleapis.com/google.protobuf.Any' } }, Array.from({ length: 200 }, () => 'a'), Array.from({ length: 1100 }, () => ({})), Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`k${at}`, at])),
];

/** As long as a whole request may be: more than any field takes. */
export const longText = 'x'.repeat(1024 * 1024 - 200);

/** The UTF-8 of a text, with its broken bytes in place. */
export function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (!text.includes('\ue010') && !text.includes('\ue011') && !text.includes('\ue012')) return bytes;
  for (const [character, broken] of brokenBytes) for (let at = bytes.indexOf(character); at >= 0; at = bytes.indexOf(character, at + 1)) bytes.set(broken, at);
  return bytes;
}

/** The JSON of a value, with what JavaScript cannot hold in place. */
export function jsonOf(value: unknown): Buffer {
  const text = JSON.stringify(value) ?? '';
  return bytesOf(/[\ue001-\ue009]/.test(text) ? text.replace(/"([\ue001-\ue009])"/g, (_, character: string) => literals[character]!) : text);
}

/** The number that a value is for a binary form; nothing if it is none. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'object') return undefined;
  const number = Number(typeof value === 'string' ? (literals[value] ?? value) : value);
  return Number.isNaN(number) && value !== 'NaN' ? undefined : number;
}
