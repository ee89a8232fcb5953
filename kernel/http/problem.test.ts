import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, ConnectError } from '@connectrpc/connect';
import { RetryInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { fastify } from 'fastify';
import { defineErrors, withViolations } from '../errors/define-errors.ts';
import { encodeGrpcMessage } from './rpc/grpc-message.ts';
import { problemOf, sendProblem, statusOfCode } from './problem.ts';

const errors = defineErrors('testing', { TOO_MANY: ['ResourceExhausted', 'try later'], BAD: ['InvalidArgument', 'bad {what}'], LOST: ['Internal', 'internal error; quote {traceId}'] });

async function answerTo(error: unknown) {
  const app = fastify();
  app.get('/x', (_request, reply) => sendProblem(reply, error));
  const { statusCode, headers, json } = await app.inject('/x?secret=1');
  return { statusCode, headers, body: json() as object };
}

test('every code has the HTTP status that google.rpc.Code documents', () => {
  const expected = { Canceled: 499, Unknown: 500, InvalidArgument: 400, DeadlineExceeded: 504, NotFound: 404, AlreadyExists: 409, PermissionDenied: 403, ResourceExhausted: 429, FailedPrecondition: 400, Aborted: 409, OutOfRange: 400, Unimplemented: 501, Internal: 500, Unavailable: 503, DataLoss: 500, Unauthenticated: 401 };
  assert.deepEqual(Object.fromEntries(Object.entries(statusOfCode).map(([code, status]) => [Code[Number(code)], status])), expected);
});

test('a problem names type, title, status, detail, instance, reason and the wrong fields', async () => {
  const error = withViolations(errors.BAD({ what: 'title' }), [{ field: 'title', description: 'too long', reason: 'string.max_len' }]);
  const { statusCode, headers, body } = await answerTo(error);
  assert.equal(statusCode, 400);
  assert.match(String(headers['content-type']), /^application\/problem\+json/);
  assert.deepEqual(body, { type: 'urn:mainstay:problem:invalid-argument', title: 'Invalid argument', status: 400, detail: 'bad title', instance: '/x', reason: 'testing.BAD', errors: [{ field: 'title', detail: 'too long', reason: 'string.max_len' }] });
});

test('an error without a reason has its code for one', () => {
  assert.equal(problemOf(new ConnectError('the operation timed out', Code.DeadlineExceeded)).reason, 'kernel.DEADLINE_EXCEEDED');
  assert.equal(problemOf(new Error('a fault')).reason, 'kernel.INTERNAL');
});

test('how long to wait is in retry-after, in whole seconds', async () => {
  const error = errors.TOO_MANY();
  error.details.push({ desc: RetryInfoSchema, value: { retryDelay: { seconds: 2n, nanos: 5 } } });
  assert.deepEqual((await answerTo(error)).headers['retry-after'], '3');
});

test('headers of an error reach the client, those of a connection do not', async () => {
  const error = new ConnectError('no', Code.NotFound, { 'x-kept': 'a', 'content-length': '999', connection: 'upgrade' });
  const { headers } = await answerTo(error);
  assert.deepEqual([headers['x-kept'], headers.connection], ['a', 'keep-alive']);
  assert.notEqual(headers['content-length'], '999');
});

test('who must sign in is told how', async () => assert.equal((await answerTo(new ConnectError('sign in', Code.Unauthenticated))).headers['www-authenticate'], 'Bearer'));

test('what was not said on purpose is not shown', () => {
  for (const error of [new Error('password hunter2'), 'hunter2', new ConnectError('hunter2', Code.Internal), new ConnectError('hunter2', Code.Unknown), undefined]) {
    const { status, detail, ...rest } = problemOf(error);
    assert.deepEqual([status, detail], [500, 'internal error']);
    assert.doesNotMatch(JSON.stringify(rest), /hunter2/);
  }
});

test('an internal error made on purpose shows its trace id', () => assert.deepEqual([problemOf(errors.LOST({ traceId: 'abc' })).traceId, problemOf(errors.LOST({ traceId: 'abc' })).detail], ['abc', 'internal error; quote abc']));

test('a gRPC message is encoded as the specification has it', () => assert.equal(encodeGrpcMessage('a: b, 100% ä\n'), 'a: b, 100%25 %C3%A4%0A'));
