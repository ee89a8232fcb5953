import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { reasonOf, violationsOf } from '../errors/define-errors.ts';
import { EchoRequestSchema, GetEchoRequestSchema } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { validateMessage } from './validate-message.ts';

test('a string that no database can store is refused by the name of its field', () => {
  assert.doesNotThrow(() => validateMessage(EchoRequestSchema, create(EchoRequestSchema, { text: 'a' })));
  assert.throws(
    () => validateMessage(EchoRequestSchema, create(EchoRequestSchema, { text: 'a\0b' })),
    (error) => {
      assert.equal(reasonOf(error), 'kernel.INVALID_REQUEST');
      assert.deepEqual(violationsOf(error).map(({ field, reason }) => [field, reason]), [['text', 'string.no_null']]);
      return true;
    },
  );
});

const fieldsOf = (init: MessageInitShape<typeof GetEchoRequestSchema>) => {
  try {
    validateMessage(GetEchoRequestSchema, create(GetEchoRequestSchema, init));
    return [];
  } catch (error) {
    assert.equal(reasonOf(error), 'kernel.INVALID_REQUEST');
    return violationsOf(error).map(({ field, reason }) => [field, reason]);
  }
};

test('a time that nothing can calculate with is refused by the name of its field', () => {
  for (const [seconds, nanos] of [[253_402_300_800n, 0], [-62_135_596_801n, 0], [2n ** 63n - 1n, 0], [0n, -1], [0n, 1_000_000_000], [253_402_300_799n, 999_999_999]] as const) assert.deepEqual(fieldsOf({ time: { seconds, nanos } }), [['time', 'timestamp.range']]);
  for (const seconds of [253_402_300_799n, -62_135_596_800n]) assert.deepEqual(fieldsOf({ time: { seconds, nanos: 999_000_000 } }), []);
});

test('the items of a list that is too long are not looked at', () => {
  assert.deepEqual(fieldsOf({ numbers: Array(100).fill(1) }), []);
  const began = performance.now();
  assert.deepEqual(fieldsOf({ numbers: Array(5_000_000).fill(1) }), [['numbers', 'repeated.max_items']]);
  assert.ok(performance.now() - began < 1000);
});
