import { create, type Message } from '@bufbuild/protobuf';
import { sizeDelimitedDecodeStream, sizeDelimitedEncode } from '@bufbuild/protobuf/wire';
import { sql } from 'kysely';
import { codeOf } from '../data/database-errors.ts';
import type { OpenTransaction } from '../data/open-transaction.ts';
import { recordOf, type Kept } from './command-record.ts';
import { checkKey, idempotencyErrors } from './idempotency.ts';
import { keptBytes, type RunningCommand } from './run-command.ts';
import { StreamedRequest } from './streamed-request.ts';

/** Runs the handler, with this request or with the one that came. */
type Start = (request?: Message) => AsyncIterable<Message>;

/** Of the messages that a streaming command answers with, the last ones are kept, up to so many bytes. */
const MOST_KEPT = 256 * 1024;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Runs a command that streams. It is no single transaction: each `db.write` of its handler is one, and its record is
 * written at the end. With an idempotency key a repeat gets the last messages that the first was answered with, up to
 * 256 KiB; while the first runs it is refused with `COMMAND_RUNNING`. A first one that ended badly may be repeated. Of requests
 * that stream those are compared which are answered once, at their end.
 */
export async function* runStreamingCommand(running: RunningCommand, start: Start): AsyncGenerator<Message> {
  const { call, commands, method, request } = running;
  if (call.idempotencyKey !== undefined) return yield* runWithKey(running, call.idempotencyKey, start);
  yield* start();
  await commands.database.beginCommand(call).commit([commands.statements.insert(recordOf(call, method, request))]);
  commands.kept();
}

async function* runWithKey(running: RunningCommand, key: string, start: Start): AsyncGenerator<Message> {
  checkKey(key);
  const { call, commands, method, request } = running;
  const { idempotency, statements } = commands;
  const name = idempotency.nameKey(call, method, key);
  // A streamed request is not known before it was read.
  const requestHash = idempotency.hashRequest(method, '$typeName' in request ? request : create(method.input));
  const streamed = method.methodKind === 'client_streaming' ? new StreamedRequest(method.input) : undefined;
  let turn: OpenTransaction<any> | undefined = commands.database.beginBeside(call);
  try {
    const first = await takeTurn(turn, running, name);
    if (first) {
      // Reading the repeat may take long.
      await turn.rollback();
      turn = undefined;
      return yield* replay(running, first, name, streamed ? await hashOfRepeat(running, first, streamed) : requestHash);
    }
    const kept = new LastMessages();
    for await (const message of start(streamed && passed(streamed, request))) {
      kept.add(sizeDelimitedEncode(method.output, create(method.output, message)));
      yield message;
    }
    const open = turn;
    turn = undefined;
    const known = streamed?.isWhole ? idempotency.hashStreamed(streamed.digest(), streamed.bytes) : requestHash;
    await open.commit([statements.insertWithKey(recordOf(call, method, request), name, known, idempotency.seal(method, kept.bytes(), name))]);
    commands.kept();
  } finally {
    await turn?.rollback();
  }
}

const passed = (streamed: StreamedRequest, request: Message) => streamed.passed(request as unknown as AsyncIterable<Message>) as unknown as Message;

/** Reads a streamed request that came again, no further than where it differs in length from the first. */
async function hashOfRepeat({ commands: { idempotency }, request }: RunningCommand, { request_hash: first }: Kept, streamed: StreamedRequest): Promise<Buffer> {
  const length = idempotency.streamedLength(first);
  if (length === undefined) return first;
  for await (const _ of passed(streamed, request) as unknown as AsyncIterable<Message>) if (streamed.bytes > length) break;
  return idempotency.hashStreamed(streamed.digest(), streamed.bytes);
}

/**
 * Locks the key as long as the transaction is open, and gives what was kept under it. The commit alone can't tell who was
 * first, as it does for a unary command: what a second one had written meanwhile could not be undone.
 */
async function takeTurn({ tx }: OpenTransaction<any>, { commands }: RunningCommand, name: Buffer): Promise<Kept | undefined> {
  try {
    const set = sql`select set_config('lock_timeout', '500ms', true), set_config('idle_in_transaction_session_timeout', '0', true)`.execute(tx);
    const locked = sql`select pg_advisory_xact_lock(${name.readBigInt64BE()})`.execute(tx);
    await Promise.all([set, locked]);
    return await commands.statements.kept.first(tx, { name });
  } catch (error) {
    throw codeOf(error) === LOCK_NOT_AVAILABLE ? idempotencyErrors.COMMAND_RUNNING() : error;
  }
}

async function* replay(running: RunningCommand, first: Kept, name: Buffer, requestHash: Buffer): AsyncGenerator<Message> {
  const bytes = keptBytes(running, first, name, requestHash);
  yield* sizeDelimitedDecodeStream(running.method.output, (async function* () { yield bytes; })());
}

class LastMessages {
  #messages: Uint8Array[] = [];
  #length = 0;

  add(message: Uint8Array): void {
    this.#messages.push(message);
    this.#length += message.length;
    while (this.#length > MOST_KEPT && this.#messages.length > 1) this.#length -= this.#messages.shift()!.length;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#messages);
  }
}
