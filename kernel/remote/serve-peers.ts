import type { IncomingMessage, ServerResponse } from 'node:http';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { httpErrors } from '../http/http-errors.ts';
import type { ServedMethod } from '../placement/served-method.ts';
import { answerStock, stockHandler } from './answer-stock.ts';
import { PeerPort } from './peer-port.ts';
import type { PeerServerOptions } from './peer-server-options.ts';
import { sendRefusal } from './send-refusal.ts';
import { unaryMethod, type UnaryMethod } from './unary-answer.ts';

export type { PeerServerOptions } from './peer-server-options.ts';

/** The internal port of a process. */
export interface PeerServer {
  /** Such as `http://127.0.0.1:4501`. */
  address: string;
  port: number;
  /** Begins no more calls, and says so to whoever makes one; resolves when those that are under way are done. Streams are cut after a moment. */
  drain(): Promise<void>;
  /** Cuts what is still connected. */
  close(): Promise<void>;
}

/** What is known of a method that was called once. */
interface Known {
  served: ServedMethod;
  unary: UnaryMethod;
  stock: UniversalHandler | undefined;
}

/** Serves the methods of this process to the other processes of its deployment: Connect's protocol, nothing compressed. */
export async function servePeers(options: PeerServerOptions): Promise<PeerServer> {
  const stopping = new AbortController();
  const known = new Map<string, Known>();
  const methodAt = (path: string): Known | undefined => {
    const served = options.find(path);
    const before = known.get(path);
    if (!served || before?.served === served) return served && before;
    const made = { served, unary: unaryMethod(served), stock: undefined };
    known.set(path, made);
    return made;
  };
  const unaryAt = (path: string) => (methodAt(path)?.served.kind === 'unary' ? known.get(path)!.unary : undefined);
  const port = new PeerPort({ ...options, unaryAt, handler: (request, response) => answer(request, response) });

  function answer(request: IncomingMessage, response: ServerResponse): void {
    if (port.isDraining) return sendRefusal(request, response, httpErrors.STOPPING(), true);
    const path = request.url!.slice(1).split('?', 1)[0]!;
    const method = methodAt(path);
    if (!method) return sendRefusal(request, response, httpErrors.NO_SUCH_METHOD({ call: path }));
    method.stock ??= stockHandler(method.served, options, stopping.signal);
    answerStock(method.stock, request, response).catch((error: unknown) => {
      options.log.error({ err: error, method: path }, 'a call of another process could not be answered');
      response.destroy();
    });
  }

  const { host } = options;
  const bound = await port.listen(host, options.port);
  return {
    address: port.addressOf(host, bound),
    port: bound,
    async drain() {
      const cut = setTimeout(() => stopping.abort(httpErrors.STOPPING()), STREAMS_END_MILLISECONDS);
      await port.drain();
      clearTimeout(cut);
    },
    close: () => port.close(),
  };
}

const STREAMS_END_MILLISECONDS = 500;
