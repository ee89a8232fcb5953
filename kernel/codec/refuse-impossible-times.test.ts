import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRegistry, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { AnySchema, DurationSchema, FieldMaskSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { GetEchoRequestSchema, SpecimenSchema } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { codecOf } from './codec-of.ts';
import { mayHoldTime, refuseImpossibleTimes } from './refuse-impossible-times.ts';

const registry = createRegistry(AnySchema, DurationSchema, TimestampSchema, SpecimenSchema, GetEchoRequestSchema);
const time = codecOf(TimestampSchema);
const takes = (text: string) => {
  try {
    time.fromJson(text);
    return true;
  } catch {
    return false;
  }
};
const two = (number: number) => String(number).padStart(2, '0');

test('of all days that can be written in fifteen years, those of the calendar are taken, as the library takes them', () => {
  for (const year of [1, 4, 1600, 1900, 1972, 2000, 2023, 2024, 2025, 2026, 2027, 2028, 2100, 2400, 9999]) {
    for (let month = 0; month <= 13; month++) {
      for (let day = 0; day <= 32; day++) {
        const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
        const real = new Date(`${date}T12:00:00Z`);
        const exists = !Number.isNaN(real.getTime()) && real.toISOString().startsWith(date);
        assert.equal(takes(`${date}T12:00:00Z`), exists, date);
        assert.equal(takes(`${date}T12:00:00.5+01:00`), exists, `${date} with an offset`);
        if (exists) assert.deepStrictEqual(time.fromJson(`${date}T12:00:00Z`), fromJson(TimestampSchema, `${date}T12:00:00Z`));
      }
    }
  }
});

test('hours to 23, minutes and seconds to 59 and offsets below a day are taken, and no others', () => {
  for (let hour = 0; hour <= 25; hour++) for (const zone of ['Z', '+01:00']) assert.equal(takes(`2026-03-31T${two(hour)}:00:00${zone}`), hour <= 23, `${hour}${zone}`);
  const number = fc.integer({ min: 0, max: 99 });
  const part = (most: number) => fc.oneof(fc.integer({ min: 0, max: most }), fc.constantFrom(most, most + 1), number);
  const zone = fc.option(fc.tuple(fc.constantFrom('+', '-'), part(23), part(59)), { nil: undefined });
  fc.assert(fc.property(part(23), part(59), part(59), fc.constantFrom('', '.5', '.123456789'), zone, (hour, minute, second, fraction, offset) => {
    const text = `2026-03-31T${two(hour)}:${two(minute)}:${two(second)}${fraction}${offset ? `${offset[0]}${two(offset[1])}:${two(offset[2])}` : 'Z'}`;
    const exists = hour <= 23 && minute <= 59 && second <= 59 && (!offset || (offset[1] <= 23 && offset[2] <= 59));
    assert.equal(takes(text), exists, text);
    if (exists) assert.deepStrictEqual(time.fromJson(text), fromJson(TimestampSchema, text));
  }), { numRuns: 2000 });
});

/** Where a specimen or an Any can hold a time. */
const places: ((time: JsonValue) => JsonValue)[] = [
  (time) => ({ time }),
  (time) => ({ any: { '@type': 'type.googleapis.com/google.protobuf.Timestamp', value: time } }),
  (time) => ({ any: { '@type': 'google.protobuf.Timestamp', value: time } }),
  (time) => ({ any: { '@type': 'type.googleapis.com/mainstay.testing.v1.GetEchoRequest', time } }),
  (time) => ({ any: { '@type': 'x/google.protobuf.Any', value: { '@type': 'x/mainstay.testing.v1.Specimen', any: { '@type': 'x/google.protobuf.Timestamp', value: time } } } }),
];

test('a time that does not exist is refused wherever it stands, also where the library reads the message', () => {
  const codec = codecOf(SpecimenSchema);
  for (const place of places) {
    for (const text of ['2026-02-29T00:00:00Z', '2026-02-28T24:00:00Z', '2026-04-31T00:00:00.1-05:00']) assert.throws(() => codec.fromJson(place(text), { registry }), /expected a time that exists, such as/, JSON.stringify(place(text)));
    const good = place('2028-02-29T00:00:00+01:00');
    assert.deepStrictEqual(codec.fromJson(good, { registry }), fromJson(SpecimenSchema, good, { registry }));
  }
  assert.throws(() => codec.fromJson({ time: '2026-02-29T00:00:00Z', unknown: 1 }, { registry, ignoreUnknownFields: true }), /time: expected/);
});

test('text that is no time may say what it likes, and types without times are not searched', () => {
  const text = '2026-02-30T00:00:00Z';
  assert.equal(codecOf(SpecimenSchema).fromJson({ stringValue: text, struct: { time: text }, value: text } as JsonValue, { registry }).stringValue, text);
  assert.deepEqual([SpecimenSchema, AnySchema, TimestampSchema, DurationSchema, FieldMaskSchema].map(mayHoldTime), [true, true, true, true, false]);
});

test('messages nested without end are refused, without a stack that overflows', () => {
  let json: JsonValue = {};
  for (let level = 0; level < 20_000; level++) json = { '@type': 'x/google.protobuf.Any', value: json };
  assert.throws(() => refuseImpossibleTimes(AnySchema, json, registry), /nested too deep/);
});

test('a duration is seconds and nothing behind them', () => {
  const codec = codecOf(SpecimenSchema);
  for (const text of ['90s', '-1.5s', '0s', '0.000000001s']) assert.deepStrictEqual(codec.fromJson({ duration: text }), fromJson(SpecimenSchema, { duration: text }));
  for (const text of ['90s or so', '90s ', '90s\n', '90', '1.s', '1m', '']) {
    assert.throws(() => codec.fromJson({ duration: text }), /duration/i, text);
  }
});
