import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { createClient as createConnectClient, type CallOptions, type Client, type Transport } from '@connectrpc/connect';
import { refuseIfGone } from './caller-leaving.ts';

type Method = (request: never, options?: CallOptions) => Promise<unknown> | AsyncIterable<unknown>;

/**
 * Connect's client of a service, with three promises more, the same over every transport: leaving a `for await`
 * ends the call and frees its handler; a signal that was aborted before keeps the call from being made; a
 * `timeoutMs` that has run out fails at once with `deadline_exceeded` instead of meaning no deadline.
 */
export function createClient<S extends DescService>(service: S, transport: Transport): Client<S> {
  const client = createConnectClient(service, transport) as Record<string, Method>;
  const methods = service.methods.map((method) => [method.localName, promising(method, client[method.localName]!)] as const);
  return Object.fromEntries(methods) as Client<S>;
}

function promising(method: DescMethod, call: Method): Method {
  const streams = method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming';
  const start: Method = streams ? (request, options) => endedByLeaving((signal) => call(request, { ...options, signal }) as AsyncIterable<unknown>, options?.signal) : call;
  return (request, options) => {
    try {
      refuseIfGone(options?.signal, options?.timeoutMs);
    } catch (error) {
      return streams ? failing(error) : Promise.reject(error);
    }
    return start(request, options);
  };
}

/** Connect's own iterables cannot be returned from: their handlers would wait for a reader for ever. */
function endedByLeaving(start: (signal: AbortSignal) => AsyncIterable<unknown>, signal: AbortSignal | undefined): AsyncIterable<unknown> {
  const leaving = new AbortController();
  const messages = start(signal ? AbortSignal.any([signal, leaving.signal]) : leaving.signal);
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = messages[Symbol.asyncIterator]();
      return {
        next: () => iterator.next(),
        return: async (value) => {
          leaving.abort();
          return { done: true, value };
        },
      };
    },
  };
}

async function* failing(error: unknown): AsyncGenerator<never> {
  throw error;
}
