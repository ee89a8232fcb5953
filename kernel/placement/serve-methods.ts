import type { DescMethod, DescService, Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { runInCall, type Call } from '../guard/call.ts';
import { StartError } from '../module/start-error.ts';
import type { Logger } from '../telemetry/log.ts';
import { admitCall, traceIdOf, type Admission } from './admit-call.ts';
import { endWithCall } from './end-with-call.ts';
import { validateMessage } from './validate-message.ts';

type Handler = (request: never, context: HandlerContext) => unknown;
type Streamed = AsyncIterable<Message>;
interface Serving extends Admission {
  log: Logger;
}

/**
 * Puts a module's implementation behind the checks that hold on every transport: the guard, the contract's
 * validation, the call's identity for what it does, and masked internal errors.
 */
export function serveMethods<S extends DescService>(service: S, implementation: Partial<ServiceImpl<S>>, serving: Serving): ServiceImpl<S> {
  const handlers = implementation as Record<string, Handler | undefined>;
  const missing = service.methods.filter((method) => !handlers[method.localName]);
  if (missing.length > 0) throw new StartError(missing.map((method) => `${serving.module} serves ${service.typeName} but does not implement ${method.name}`));
  const guarded = service.methods.map((method) => [method.localName, protect(method, handlers[method.localName]!.bind(implementation), serving)] as const);
  return endWithCall(service, Object.fromEntries(guarded) as ServiceImpl<S>);
}

function protect(method: DescMethod, handle: Handler, serving: Serving): Handler {
  const streamsIn = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
  const checked = (request: never) => (streamsIn ? validated(method, request) : (validateMessage(method.input, request), request)) as never;
  if (method.methodKind === 'unary' || method.methodKind === 'client_streaming') {
    return async (request, context) => {
      let call: Call | undefined;
      try {
        call = await admitCall(method, request, context, serving);
        return await runInCall(call, () => handle(checked(request), context));
      } catch (error) {
        throw masked(error, call, method, context, serving.log);
      }
    };
  }
  return async function* (request: never, context: HandlerContext) {
    let call: Call | undefined;
    try {
      const admitted = (call = await admitCall(method, request, context, serving));
      yield* inCall(admitted, () => handle(checked(request), context) as Streamed);
    } catch (error) {
      throw masked(error, call, method, context, serving.log);
    }
  };
}

async function* validated(method: DescMethod, requests: Streamed): Streamed {
  for await (const request of requests) {
    validateMessage(method.input, request);
    yield request;
  }
}

/** A generator's body runs piece by piece, each time in the context of whoever asks for more: put it back into its call. */
async function* inCall(call: Call, start: () => Streamed): Streamed {
  const iterator = runInCall(call, () => start()[Symbol.asyncIterator]());
  try {
    for (;;) {
      const next = await runInCall(call, () => iterator.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await runInCall(call, () => iterator.return?.());
  }
}

/** What a caller may see: an error made on purpose as it is, anything else as `kernel.INTERNAL` with a trace id to quote. */
function masked(error: unknown, call: Call | undefined, method: DescMethod, context: HandlerContext, log: Logger): ConnectError {
  if (error instanceof ConnectError) return error;
  if (context.signal.aborted) return ConnectError.from(context.signal.reason, Code.Canceled);
  const traceId = call?.traceId ?? traceIdOf(context.requestHeader);
  log.error({ err: error, method: `${method.parent.typeName}/${method.name}`, traceId }, 'a handler failed');
  return kernelErrors.INTERNAL({ traceId });
}
