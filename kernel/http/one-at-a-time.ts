import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** More requests that wait on one connection are no pipeline that anyone needs. */
const mostWaiting = 128;

interface Turns {
  /** The answer to the latest request. */
  last: ServerResponse;
  waiting: number;
}

const turnsOf = Symbol('whose turn it is on a connection');
type Connection = Socket & { [turnsOf]?: Turns };

/**
 * Handles the requests of an HTTP/1.1 connection one after the other: the next begins when the answer before it is out.
 * Node begins all that came in one packet at once, and keeps their answers, however large, until they are read.
 */
export function oneAtATime(handler: RequestListener): RequestListener {
  return (request, response) => {
    const socket: Connection = request.socket;
    const turns = socket[turnsOf];
    if (!turns) socket[turnsOf] = { last: response, waiting: 0 };
    else if (turns.waiting === 0 && turns.last.writableFinished) turns.last = response;
    else return wait(turns, request, response, handler);
    handler(request, response);
  };
}

function wait(turns: Turns, request: IncomingMessage, response: ServerResponse, handler: RequestListener): void {
  if (++turns.waiting > mostWaiting) return void request.socket.destroy();
  turns.last.once('close', () => {
    turns.waiting--;
    if (!request.socket.destroyed) handler(request, response);
  });
  turns.last = response;
}
