import type { DescMethod, DescService, Message } from '@bufbuild/protobuf';
import { createServiceImplSpec, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { copierOf } from '../codec/copy-message.ts';

/** A method of a service in this process, ready to be called. */
export interface ServedMethod {
  method: DescMethod;
  kind: DescMethod['methodKind'];
  /** Takes a message, or an iterable of messages where requests are streamed. */
  handle: (request: Message | AsyncIterable<Message>, context: HandlerContext) => unknown;
  copyInput: Copier;
  copyOutput: Copier;
}

type Copier = (message: object) => Message;

/** The methods of a service; one that the implementation lacks answers `unimplemented`. */
export function servedMethods<S extends DescService>(service: S, implementation: Partial<ServiceImpl<S>>): ServedMethod[] {
  return Object.values(createServiceImplSpec(service, implementation).methods).map(({ method, impl }) => ({
    method,
    kind: method.methodKind,
    handle: impl as ServedMethod['handle'],
    copyInput: copierOf(method.input) as Copier,
    copyOutput: copierOf(method.output) as Copier,
  }));
}
