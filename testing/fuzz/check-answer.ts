import assert from 'node:assert/strict';
import type { FuzzCase } from './any-case.ts';
import type { FuzzAnswer } from './fuzz-client.ts';

/** What a caller was told: how it ended, and why. */
interface Outcome {
  /** The gRPC code in lower case, such as `not_found`; `ok` if it succeeded. */
  code: string;
  /** Whether the error names its reason. */
  reasoned: boolean;
}

const codes = ['ok', 'canceled', 'unknown', 'invalid_argument', 'deadline_exceeded', 'not_found', 'already_exists', 'permission_denied', 'resource_exhausted', 'failed_precondition', 'aborted', 'out_of_range', 'unimplemented', 'internal', 'unavailable', 'data_loss', 'unauthenticated'];
const defects = new Set(['unknown', 'internal', 'data_loss', 'unavailable']);
/** What is inside of the server, as its stacks, statements and errors show it. */
const inside = /\.ts:\d+|node_modules|\bat (async )?[\w.]+ \(|SQLSTATE|syntax error at|violates [\w-]+ constraint|relation "|column "|\$argon2|postgres(ql)?:\/\/|Cannot read properties|is not a function|Maximum call stack/;

/** Fails unless the answer is one that somebody meant to give. True if the request was refused. */
export function checkAnswer({ method, wire, headers, damage }: FuzzCase, answer: FuzzAnswer): boolean {
  const { status, body } = answer;
  const asked = Object.keys(headers).some((name) => name.endsWith('timeout') || name.endsWith('timeout-ms'));
  assert.ok(status < 500 || status === 504 || status === 501 || (status === 503 && asked), `status ${status}`);
  if (damage?.kind === 'verb' || status === 304) return status >= 400;
  const refusedByHttp = status >= 400 && !isRpc(answer);
  const outcome = refusedByHttp ? ofProblem(answer) : wire === 'rest' ? ofSuccess(answer, method.endsWith('/DownloadFile')) : ofRpc(answer);
  assert.ok(!defects.has(outcome.code), outcome.code);
  if (outcome.code === 'ok') return false;
  assert.doesNotMatch(body.toString('latin1'), inside);
  // Whoever did not wait for the outcome does not know it: the command may have succeeded.
  if (outcome.code === 'deadline_exceeded' || outcome.code === 'canceled') return false;
  assert.ok(outcome.reasoned, `it gives no reason: ${outcome.code}`);
  return true;
}

const contentTypeOf = ({ headers }: FuzzAnswer): string => String(headers['content-type'] ?? '');

/** Whether the answer tells its outcome as RPC does, beside or instead of a status. */
const isRpc = (answer: FuzzAnswer): boolean => /^application\/(json|connect|grpc)/.test(contentTypeOf(answer));

function ofProblem(answer: FuzzAnswer): Outcome {
  assert.match(contentTypeOf(answer), /^application\/problem\+json/, `status ${answer.status} without a problem document`);
  const problem = JSON.parse(answer.body.toString()) as Record<string, unknown>;
  assert.equal(problem.status, answer.status);
  for (const key of ['type', 'title', 'detail', 'reason']) assert.ok(typeof problem[key] === 'string' && problem[key] !== '', key);
  return { code: answer.status === 504 ? 'deadline_exceeded' : 'refused', reasoned: true };
}

function ofSuccess(answer: FuzzAnswer, isFile: boolean): Outcome {
  if (isFile) return { code: 'ok', reasoned: true };
  const [type, text] = [contentTypeOf(answer), answer.body.toString()];
  if (type.startsWith('application/json')) JSON.parse(text);
  if (type.startsWith('application/x-ndjson')) {
    const last = text.trimEnd().split('\n').at(-1)!;
    const error = last && (JSON.parse(last) as { error?: { reason?: string; status: number } }).error;
    if (error) return { code: error.status === 504 ? 'deadline_exceeded' : error.status >= 500 ? 'internal' : 'refused', reasoned: Boolean(error.reason) };
  }
  return { code: 'ok', reasoned: true };
}

function ofRpc(answer: FuzzAnswer): Outcome {
  const type = contentTypeOf(answer);
  if (type.startsWith('application/grpc-web')) return ofGrpc({ ...answer.headers, ...webTrailers(answer.body) });
  if (type.startsWith('application/grpc')) return ofGrpc({ ...answer.headers, ...answer.trailers });
  if (type.startsWith('application/connect')) return ofConnectError((lastEnvelope(answer.body) as { error?: object }).error);
  return answer.status < 400 ? { code: 'ok', reasoned: true } : ofConnectError(JSON.parse(answer.body.toString()) as object);
}

function ofGrpc(trailers: Record<string, unknown>): Outcome {
  assert.match(String(trailers['grpc-status']), /^\d+$/, 'an answer without grpc-status');
  return { code: codes[Number(trailers['grpc-status'])]!, reasoned: 'grpc-status-details-bin' in trailers };
}

function ofConnectError(error: object | undefined): Outcome {
  const { code = 'ok', details = [] } = (error ?? {}) as { code?: string; details?: { type: string }[] };
  return { code, reasoned: details.some(({ type }) => type === 'google.rpc.ErrorInfo') };
}

/** The messages of a stream, by flags. */
function* envelopes(body: Buffer): Generator<[flags: number, content: Buffer]> {
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32BE(at + 1);
    yield [body[at]!, body.subarray(at + 5, at + 5 + length)];
    at += 5 + length;
  }
}

function lastEnvelope(body: Buffer): unknown {
  const last = [...envelopes(body)].at(-1);
  assert.equal(last && last[0] & 2, 2, 'a stream without its last message');
  return JSON.parse(last![1].toString());
}

function webTrailers(body: Buffer): Record<string, string> {
  const trailers = [...envelopes(body)].find(([flags]) => flags & 0x80)?.[1].toString() ?? '';
  return Object.fromEntries(trailers.trim().split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
}
