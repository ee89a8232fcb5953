import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { reasonOf, violationsOf } from '../errors/define-errors.ts';
import { EchoRequestSchema } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
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
