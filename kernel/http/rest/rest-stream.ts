import { Readable } from 'node:stream';
import { setTimeout as after } from 'node:timers/promises';
import type { JsonValue } from '@bufbuild/protobuf';
import type { FastifyReply } from 'fastify';
import { problemOf } from '../problem.ts';

/** How a stream of messages is written as text. */
interface Framing {
  contentType: string;
  message(json: JsonValue): string;
  problem(json: unknown): string;
  end: string;
  /** Sent in a silence, so that both ends notice a dead connection. */
  alive?: string;
}

/** One JSON object a line, `{"result": …}`; an error is the last line, `{"error": problem}`. */
const ndjson: Framing = {
  contentType: 'application/x-ndjson; charset=utf-8',
  message: (json) => `{"result":${JSON.stringify(json)}}\n`,
  problem: (json) => `{"error":${JSON.stringify(json)}}\n`,
  end: '',
};

/** Server-sent events: each message is an event; an error is a `problem` event; `end` tells the client not to connect again. */
const serverSentEvents: Framing = {
  contentType: 'text/event-stream; charset=utf-8',
  message: (json) => `data: ${JSON.stringify(json)}\n\n`,
  problem: (json) => `event: problem\ndata: ${JSON.stringify(json)}\n\n`,
  end: 'event: end\ndata: {}\n\n',
  alive: ': alive\n\n',
};

const aliveEveryMs = 15_000;
/** A stream that fails at once gets its proper status; one that starts in silence gets its headers after this. */
const headersAfterMs = 250;

/**
 * Answers with a stream of JSON messages: server-sent events if the client accepts them, else lines.
 * It reads no faster than the client does. An error before the first message rejects; a later one ends the stream.
 */
export async function sendStream(reply: FastifyReply, messages: AsyncIterable<JsonValue>): Promise<FastifyReply> {
  const framing = (reply.request.headers.accept ?? '').includes('text/event-stream') ? serverSentEvents : ndjson;
  const iterator = messages[Symbol.asyncIterator]();
  const first = iterator.next();
  await Promise.race([first, after(headersAfterMs, undefined, { ref: false })]);
  const path = reply.request.url.split('?', 1)[0];
  reply.header('content-type', framing.contentType).header('cache-control', 'no-store').header('x-accel-buffering', 'no');
  reply.send(Readable.from(frames(framing, first, iterator, path), { objectMode: false }));
  reply.raw.flushHeaders();
  return reply;
}

async function* frames(framing: Framing, first: Promise<IteratorResult<JsonValue>>, iterator: AsyncIterator<JsonValue>, path: string | undefined): AsyncGenerator<string> {
  try {
    for (let next = first; ; next = iterator.next()) {
      if (framing.alive) yield* whileSilent(next, framing.alive);
      const { done, value } = await next;
      if (done) break;
      yield framing.message(value);
    }
    yield framing.end;
  } catch (error) {
    yield framing.problem(problemOf(error, path));
  } finally {
    await iterator.return?.();
  }
}

async function* whileSilent(next: Promise<unknown>, alive: string): AsyncGenerator<string> {
  const arrived = next.then(() => true, () => true);
  for (;;) {
    const stop = new AbortController();
    const timer = after(aliveEveryMs, false, { ref: false, signal: stop.signal }).catch(() => false);
    const done = await Promise.race([arrived, timer]);
    stop.abort();
    if (done) return;
    yield alive;
  }
}
