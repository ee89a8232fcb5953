import type { Http2ServerRequest, Http2ServerResponse, Http2Session } from 'node:http2';

type Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/** So many requests of one connection begin at once; more of them wait for their turn. */
const atOnce = 16;
/** After so many milliseconds of beginning what waits, new bytes are read. */
const sliceMs = 5;

/**
 * Begins the requests of HTTP/2 connections by turns: whoever sends thousands at once waits for itself, and others
 * do not. Those that were reset before their turn are never begun.
 */
export function takeTurns(handler: Handler): Handler {
  const begun = new Map<Http2Session, number>();
  const waiting = new Map<Http2Session, (() => void)[]>();
  let scheduled = false;

  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      begun.clear();
      beginWaiting(waiting);
      if (waiting.size > 0) schedule();
    });
  };
  return (request, response) => {
    const { session } = request.stream;
    if (!session) return;
    schedule();
    const count = begun.get(session) ?? 0;
    const queue = waiting.get(session);
    if (!queue && count < atOnce) {
      begun.set(session, count + 1);
      return handler(request, response);
    }
    const begin = () => void (request.stream.destroyed || handler(request, response));
    if (queue) queue.push(begin);
    else waiting.set(session, [begin]);
  };
}

/** One of each connection after the other, until the time is up; who had a turn goes to the end. */
function beginWaiting(waiting: Map<Http2Session, (() => void)[]>): void {
  const until = performance.now() + sliceMs;
  while (waiting.size > 0 && performance.now() < until) {
    const [session, queue] = waiting.entries().next().value!;
    waiting.delete(session);
    if (session.destroyed) continue;
    queue.shift()!();
    if (queue.length > 0) waiting.set(session, queue);
  }
}
