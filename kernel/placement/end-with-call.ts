import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';

type Handler = (request: never, context: HandlerContext) => AsyncIterable<unknown>;

/**
 * Ends the streams of an implementation with their calls: once a caller is gone, its handler's generator is
 * returned from, so that its `finally` blocks run. A stock server that waits for a full connection to drain
 * waits for ever when the caller resets it, and the handler with it.
 */
export function endWithCall<S extends DescService>(service: S, implementation: ServiceImpl<S>): ServiceImpl<S> {
  const handlers = implementation as Record<string, Handler>;
  const streaming = service.methods.filter(answersWithStream);
  const ending = streaming.map(({ localName }) => [localName, (request: never, context: HandlerContext) => ended(handlers[localName]!(request, context), context.signal)]);
  return { ...implementation, ...Object.fromEntries(ending) };
}

const answersWithStream = ({ methodKind }: DescMethod) => methodKind === 'server_streaming' || methodKind === 'bidi_streaming';

function ended<T>(messages: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  const iterator = messages[Symbol.asyncIterator]();
  // What it throws on the way out concerns nobody any more.
  signal.addEventListener('abort', () => void iterator.return?.()?.catch(() => {}), { once: true });
  return { [Symbol.asyncIterator]: () => iterator };
}
