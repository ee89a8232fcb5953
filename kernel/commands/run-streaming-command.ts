import { setTimeout as sleep } from 'node:timers/promises';
import { create, type DescMessage, type Message } from '@bufbuild/protobuf';
import { sizeDelimitedDecodeStream, sizeDelimitedEncode } from '@bufbuild/protobuf/wire';
import { CompiledQuery } from 'kysely';
import { isRepeatable, isStalePlan } from '../data/database-errors.ts';
import { requireCompared } from '../queries/etag.ts';
import type { CommandScope } from './command-scope.ts';
import { DONE, recordOf, type Kept, type RecordValues } from './command-record.ts';
import { HeldAnswers } from './held-answers.ts';
import { checkKey, idempotencyErrors } from './idempotency.ts';
import { inScope, keptBytes, readKept, type RunningCommand } from './run-command.ts';
import { StreamedRequest } from './streamed-request.ts';

/** Runs the handler, with this request or with the one that came. */
type Start = (request?: Message) => AsyncIterable<Message>;

/** A command that was let in, with where its answers go. */
interface Streaming extends RunningCommand {
  start: Start;
  answers: HeldAnswers;
}

/** Makes the statement that keeps a command, of its record and its last answers. */
type Keep = (record: RecordValues, answers: LastAnswers) => CompiledQuery;

/** Of the messages that a streaming command answers with, the last ones are kept, up to so many bytes. */
const MOST_KEPT = 256 * 1024;
/** Whoever waits for another process looks this often whether it has ended. */
const TURN_MILLISECONDS = 25;

/**
 * Runs a command that streams, in one direction, as one transaction like any other: what it wrote commits with its record
 * when its handler has ended, then its last answer is given; if its caller leaves before that, it is undone.
 *
 * With an idempotency key a repeat gets the last messages that the first was answered with, up to 256 KiB, at the same
 * moment too, in another process as well: it waits for the first. It is not tried again when it stood in another's way, since part of its answer, or of
 * its request, is gone then.
 */
export function runStreamingCommand(running: RunningCommand, start: Start): AsyncGenerator<Message> {
  const answers = new HeldAnswers(running.call.signal);
  const given = give({ ...running, start, answers });
  const end = given.return.bind(given);
  // By itself a generator hears that it is left only when what it waits for has come.
  given.return = (value) => {
    answers.leave();
    return end(value);
  };
  return given;
}

async function* give(streaming: Streaming): AsyncGenerator<Message> {
  yield* streaming.answers.until(run(streaming));
}

async function run(streaming: Streaming): Promise<void> {
  const { call, commands } = streaming;
  try {
    await (call.idempotencyKey === undefined ? runOnce(streaming, streaming.start(), (record) => commands.statements.insert(record)) : runWithKey(streaming, call.idempotencyKey));
    streaming.done?.();
    commands.kept();
  } catch (error) {
    throw isRepeatable(error) || isStalePlan(error) ? Object.assign(idempotencyErrors.STOOD_IN_THE_WAY(), { cause: error }) : error;
  }
}

function runOnce({ call, commands, method, request, answers }: Streaming, messages: AsyncIterable<Message>, keep: Keep, before?: (scope: CommandScope) => Promise<void>): Promise<void> {
  return inScope(call, commands, async (scope) => {
    await before?.(scope);
    const lastAnswers = new LastAnswers(method.output);
    for await (const message of messages) await answers.add(message, lastAnswers.add(message));
    requireCompared(call);
    answers.requireCaller();
    const answer = method.methodKind === 'client_streaming' ? lastAnswers.last : undefined;
    await scope.commit([keep(recordOf(call, method, request, DONE, answer), lastAnswers)]);
  }, true);
}

function runWithKey(streaming: Streaming, key: string): Promise<void> {
  checkKey(key);
  const { call, commands, method } = streaming;
  const name = commands.idempotency.nameKey(call, method, key);
  return commands.inTurn.run(name.toString('base64'), () => runUnlessKept(streaming, name));
}

async function runUnlessKept(streaming: Streaming, name: Buffer): Promise<void> {
  const { answers, commands: { idempotency, statements }, method, request, start } = streaming;
  const streamed = method.methodKind === 'client_streaming' ? new StreamedRequest(method.input) : undefined;
  const first = await readKept(streaming, name);
  if (first) return replay(streaming, first, name, streamed ? await hashOfRepeat(streaming, first, streamed) : idempotency.hashRequest(method, request));
  // A streamed request is known when it was read, another before its handler has it, who may change it.
  let hash = streamed ? undefined : hashOf(streaming, streamed);
  const requestHash = () => (hash ??= hashOf(streaming, streamed));
  let hasBegun = false;
  try {
    await runOnce(streaming, start(streamed && passed(streamed, request)), (record, last) =>
      statements.insertWithKey(record, name, requestHash(), idempotency.seal(method, last.bytes(), name)), async (scope) => {
      await awaitTurn(streaming, scope, name);
      hasBegun = true;
    });
  } catch (error) {
    if (isRepeatable(error) || isStalePlan(error)) throw error;
    // Another process may have been quicker with the same key.
    const other = await readKept(streaming, name).catch(() => undefined);
    if (!other) throw error;
    if (answers.wereRead) throw idempotencyErrors.ANSWERED_MEANWHILE();
    return replay(streaming, other, name, streamed && !hasBegun ? await hashOfRepeat(streaming, other, streamed) : requestHash());
  }
}

/** Waits for the same command in another process, a replica or one that is about to give way to this; throws if its answers are kept then. */
async function awaitTurn(streaming: Streaming, scope: CommandScope, name: Buffer): Promise<void> {
  const lock = CompiledQuery.raw('select pg_try_advisory_xact_lock($1) as mine', [String(name.readBigInt64BE(0))]);
  while (!(await scope.begin().run<{ mine: boolean }>(lock)).rows[0]!.mine) await sleep(TURN_MILLISECONDS, undefined, { signal: streaming.call.signal });
  if (await readKept(streaming, name)) throw idempotencyErrors.ANSWERED_MEANWHILE();
}

/** A handler that did not read all of a streamed request did not depend on the rest. */
const hashOf = ({ commands: { idempotency }, method, request }: Streaming, streamed: StreamedRequest | undefined): Buffer =>
  streamed?.isWhole ? idempotency.hashStreamed(streamed.digest(), streamed.bytes) : idempotency.hashRequest(method, streamed ? create(method.input) : request);

const passed = (streamed: StreamedRequest, request: Message) => streamed.passed(request as unknown as AsyncIterable<Message>) as unknown as Message;

/** Reads a streamed request that came again, no further than where it differs in length from the first. */
async function hashOfRepeat({ commands: { idempotency }, request }: Streaming, { request_hash: first }: Kept, streamed: StreamedRequest): Promise<Buffer> {
  const length = idempotency.streamedLength(first);
  if (length === undefined) return first;
  for await (const _ of passed(streamed, request) as unknown as AsyncIterable<Message>) if (streamed.bytes > length) break;
  return idempotency.hashStreamed(streamed.digest(), streamed.bytes);
}

/** Answers with what the first was answered with, and nothing else. */
async function replay(streaming: Streaming, first: Kept, name: Buffer, requestHash: Buffer): Promise<void> {
  const bytes = keptBytes(streaming, first, name, requestHash);
  streaming.answers.takeBack();
  for await (const message of sizeDelimitedDecodeStream(streaming.method.output, (async function* () { yield bytes; })())) await streaming.answers.add(message, 0);
}

class LastAnswers {
  last: Message | undefined;
  readonly #schema: DescMessage;
  #encoded: Uint8Array[] = [];
  #length = 0;

  constructor(schema: DescMessage) {
    this.#schema = schema;
  }

  /** Returns its length in bytes. */
  add(message: Message): number {
    this.last = message;
    const encoded = sizeDelimitedEncode(this.#schema, create(this.#schema, message));
    this.#encoded.push(encoded);
    this.#length += encoded.length;
    while (this.#length > MOST_KEPT && this.#encoded.length > 1) this.#length -= this.#encoded.shift()!.length;
    return encoded.length;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#encoded);
  }
}
