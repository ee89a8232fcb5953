import { create, type Message } from '@bufbuild/protobuf';
import { sizeDelimitedDecodeStream, sizeDelimitedEncode } from '@bufbuild/protobuf/wire';
import { runInCall } from '../guard/call.ts';
import { recordOf, type Kept } from './command-record.ts';
import { checkKey } from './idempotency.ts';
import { keptBytes, type RunningCommand } from './run-command.ts';
import { StreamedRequest } from './streamed-request.ts';

/** Runs the handler, with this request or with the one that came. */
type Start = (request?: Message) => AsyncIterable<Message>;

/** Of the messages that a streaming command answers with, the last ones are kept, up to so many bytes. */
const MOST_KEPT = 256 * 1024;

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
  // The commit alone can't tell who was first, as it does for a unary command: what a second one had written could not be undone.
  const unlock = await commands.keyLocks.lock(name);
  try {
    const first = await runInCall(call, () => commands.database.read((q) => statements.kept.first(q, { name })));
    if (first) {
      // Reading the repeat may take long.
      await unlock();
      return yield* replay(running, first, name, streamed ? await hashOfRepeat(running, first, streamed) : requestHash);
    }
    const kept = new LastMessages();
    for await (const message of start(streamed && passed(streamed, request))) {
      kept.add(sizeDelimitedEncode(method.output, create(method.output, message)));
      yield message;
    }
    const known = streamed?.isWhole ? idempotency.hashStreamed(streamed.digest(), streamed.bytes) : requestHash;
    await commands.database.beginCommand(call).commit([statements.insertWithKey(recordOf(call, method, request), name, known, idempotency.seal(method, kept.bytes(), name))]);
    commands.kept();
  } finally {
    await unlock();
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
