import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBinary } from '@bufbuild/protobuf';
import { BadRequestSchema, ErrorInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { defineErrors, violationsOf, withViolations } from './define-errors.ts';

const errors = defineErrors('testing', { BAD: ['InvalidArgument', 'these are bad: {what}'] });

test('an error fits into the headers that gRPC clients take, whatever it tells of', () => {
  const long = 'x'.repeat(1_000_000);
  const violations = Array.from({ length: 5000 }, (_, at) => ({ field: `list[${at}]`, description: long, reason: 'string.max_len' }));
  const error = withViolations(errors.BAD({ what: long }), violations);
  const details = error.findDetails(BadRequestSchema).map((detail) => toBinary(BadRequestSchema, detail).length);
  const info = error.findDetails(ErrorInfoSchema).map((detail) => toBinary(ErrorInfoSchema, detail).length);
  const bytes = error.rawMessage.length + ([...details, ...info].reduce((sum, length) => sum + length, 0) * 4) / 3;
  assert.ok(bytes < 8192, `${bytes} bytes`);
  assert.ok(violationsOf(error).length > 0);
});

test('what fits is told in full', () => {
  const violations = Array.from({ length: 40 }, (_, at) => ({ field: `list[${at}]`, description: 'must not be empty', reason: 'string.min_len' }));
  assert.equal(violationsOf(withViolations(errors.BAD({ what: 'all' }), violations)).length, 40);
});
