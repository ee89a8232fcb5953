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
export const inside = /\.ts:\d+|node_modules|\bat (async )?[\w.]+ \(|SQLSTATE|syntax error at|violates [\w-]+ constraint|relation "|column "|\$argon2|postgres(ql)?:\/\/|Cannot read properties|is not a function|Maximum call stack/;

/** What became of a request. Whoever did not wait for the outcome does not know it: a command may have succeeded. */
export type Verdict = 'accepted' | 'refused' | 'unknown';

/** Fails unless an answer may have this status. */
export function checkStatus(status: number, { headers }: FuzzCase): void {
  const asked = Object.keys(headers).some((name) => name.endsWith('timeout') || name.endsWith('timeout-ms'));
  assert.ok(status < 500 || status === 504 || status === 501 || (status === 503 && asked), `status ${status}`);
}

/** Fails unless the answer is one that somebody meant to give. */
export function checkAnswer(asked: FuzzCase, answer: FuzzAnswer): Verdict {
  const { method, wire, damage } = asked;
  const { status, body } = answer;
  checkStatus(status, asked);
  if (damage?.kind === 'verb' || status === 304) return status >= 400 ? 'refused' : 'unknown';
  const refusedByHttp = status >= 400 && !isRpc(answer);
  const outcome = refusedByHttp ? ofProblem(answer) : wire === 'rest' ? ofSuccess(answer, method.endsWith('/DownloadFile')) : ofRpc(answer);
  assert.ok(!defects.has(outcome.code), outcome.code);
  if (outcome.code === 'ok') return 'accepted';
  assert.doesNotMatch(body.toString('latin1'), inside);
  if (outcome.code === 'deadline_exceeded' || outcome.code === 'canceled') return 'unknown';
  assert.ok(outcome.reasoned, `it gives no reason: ${outcome.code}`);
  return 'refused';
}

const contentTypeOf = ({ headers }: FuzzAnswer): string => String(headers['content-type'] ?? '');

/** Whether the answer tells its outcome as RPC does, beside or instead of a status. */
const isRpc = (answer: FuzzAnswer): boolean => /^application\/(json|connect|grpc)/.test(contentTypeOf(answer));

function ofProblem(answer: FuzzAnswer): Outcome {
  assert.match(contentTypeOf(answer), /^application\/problem\+json/, `status ${answer.status} without a problem document`);
  assert.equal(checkProblem(JSON.parse(answer.body.toString())), answer.status);
  return { code: answer.status === 504 ? 'deadline_exceeded' : 'refused', reasoned: true };
}

/** Fails unless a value is a problem document (RFC 9457) with a reason; gives its status. */
export function checkProblem(value: unknown): number {
  const problem = value as Record<string, unknown>;
  for (const key of ['type', 'title', 'detail', 'reason']) assert.ok(typeof problem[key] === 'string' && problem[key] !== '', key);
  assert.equal(typeof problem.status, 'number');
  return problem.status as number;
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
