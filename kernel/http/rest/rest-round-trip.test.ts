import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create, createRegistry, equals, fromJson, toJson, toJsonString, type JsonValue } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { anySpecimen } from '../../testing/any-specimen.ts';
import { EchoResponseSchema, GetEchoRequestSchema, SpecimenSchema } from '../../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { startTestServer } from '../../testing/test-server.ts';
import type { HttpServer } from '../start-http-server.ts';

// The registry resolves what `Any` holds.
const registry = createRegistry(SpecimenSchema.file, DurationSchema);
let server: HttpServer;
before(async () => void (server = await startTestServer()));
after(() => server.close());

test('any message comes back from REST as it was sent, unless it holds a NUL', async () => {
  await fc.assert(
    fc.asyncProperty(anySpecimen, async (init) => {
      const specimen = create(SpecimenSchema, init);
      const json = toJsonString(SpecimenSchema, specimen, { registry });
      const response = await fetch(`${server.address}/v1/echo/x`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: json });
      const answer = (await response.json()) as { reason?: string };
      if (response.status === 400) assert.ok(answer.reason === 'kernel.MALFORMED_BODY' && json.includes('\\u0000'), JSON.stringify(answer));
      else assert.deepEqual(toJson(EchoResponseSchema, fromJson(EchoResponseSchema, answer, { registry }), { registry }), toJson(EchoResponseSchema, create(EchoResponseSchema, { text: 'x', specimen: fromJson(SpecimenSchema, JSON.parse(json), { registry }) }), { registry }));
    }),
    { numRuns: 150 },
  );
});

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const anyQuery = fc.record({
  // Clients resolve `.` and `..` themselves.
  text: text.filter((text) => text !== '.' && text !== '..'),
  numbers: fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { maxLength: 5 }),
  time: fc.option(fc.record({ seconds: fc.bigInt({ min: 0n, max: 2n ** 33n }), nanos: fc.integer({ min: 0, max: 999_999_999 }) }), { nil: undefined }),
  part: fc.record({ name: text, amount: fc.integer({ min: 0, max: 1000 }) }),
});

test('any message of scalars comes through path and query as it was put there', async () => {
  await fc.assert(
    fc.asyncProperty(anyQuery, fc.boolean(), async (init, plusForSpace) => {
      const request = create(GetEchoRequestSchema, init);
      const { time } = toJson(GetEchoRequestSchema, request) as { time?: string };
      const query = new URLSearchParams([...init.numbers.map((number) => ['numbers', String(number)]), ...(time ? [['time', time]] : []), ['part.name', init.part.name], ['part.amount', String(init.part.amount)]]);
      const response = await fetch(`${server.address}/v1/echo/${encodeURIComponent(init.text)}?${plusForSpace ? query : String(query).replaceAll('+', '%20')}`);
      const answer = fromJson(EchoResponseSchema, (await response.json()) as JsonValue);
      const expected = create(EchoResponseSchema, { text: init.text, specimen: { numbers: init.numbers.map(BigInt), time: request.time, part: request.part } });
      assert.ok(equals(EchoResponseSchema, answer, expected), toJsonString(EchoResponseSchema, answer));
    }),
    { numRuns: 150 },
  );
});

const anyName = fc.constantFrom(...SpecimenSchema.fields.flatMap(({ name, jsonName }) => [name, jsonName]), 'name', 'parts', 'amount', '@type', '__proto__', 'nothing');
const anyJson = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5 }, fc.constantFrom(null, true, 0, -1, 1.5, 1e300, '', 'x', '-1', 'COLOUR_RED', '2026-01-01T00:00:00Z', '90s', '99999999999999999999'), fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(anyName, tie('value'), { maxKeys: 4 })),
})).value;

test('no JSON makes the server fail: it is taken, or refused with the field that is wrong', async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(anyName, anyJson, { maxKeys: 4 }), async (body) => {
      const response = await fetch(`${server.address}/v1/echo/x`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
      const answer = (await response.json()) as { reason?: string; detail?: string };
      assert.ok(response.status === 200 || (response.status === 400 && answer.reason === 'kernel.INVALID_REQUEST' && answer.detail!.includes('specimen')), JSON.stringify(answer));
    }),
    { numRuns: 300 },
  );
});
