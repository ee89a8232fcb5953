import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create, createRegistry, equals, fromJson, toJson, toJsonString, type JsonValue } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { anySpecimen } from '../testing/any-specimen.ts';
import { EchoResponseSchema, GetEchoRequestSchema, SpecimenSchema } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { startTestServer } from '../testing/test-server.ts';
import type { HttpServer } from './start-http-server.ts';

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
