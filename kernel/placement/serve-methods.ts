import type { DescMethod, DescService, Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { Kind } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import type { Commands } from '../commands/commands.ts';
import { runCommand } from '../commands/run-command.ts';
import { runStreamingCommand } from '../commands/run-streaming-command.ts';
import { reasonOf } from '../errors/define-errors.ts';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { runInCall, type Call } from '../guard/call.ts';
import { kindOf } from '../module/check-modules.ts';
import { StartError } from '../module/start-error.ts';
import type { Logger } from '../telemetry/log.ts';
import { observeCall, type ObservedCall, type ObservedMethod } from '../telemetry/observe-call.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { admitCall, traceIdOf, type Admission, type GuardedCall } from './admit-call.ts';
import { Gate, whyOver } from './caller-leaving.ts';
import { endWithCall } from './end-with-call.ts';
import { untilLost } from './until-lost.ts';
import { validateMessage } from './validate-message.ts';

type Handler = (request: never, context: HandlerContext) => unknown;
type Streamed = AsyncGenerator<Message>;
interface Serving extends Admission {
  log: Logger;
  /** Runs the module's commands, each as one transaction with a record; without it they run like queries. */
  commands?: Commands;
  /** What counts and follows the calls. */
  telemetry?: Pick<Telemetry, 'method'>;
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
  const door: Door = {
    method,
    serving,
    observed: serving.telemetry?.method(method, serving.module),
    commands: kindOf(method) === Kind.COMMAND ? serving.commands : undefined,
    // The signal of a call is made when asked for: it costs more than a local call.
    checked: (request, context) => (serving.passesOn ? request : streamsIn ? validated(method, request as never, context.signal) : (validateMessage(method.input, request), request)) as never,
    handle,
  };
  if (method.methodKind === 'unary') return (request, context) => passUnary(door, request, context);
  if (method.methodKind === 'client_streaming') return (request, context) => onlyAnswer(passStream(door, request, context));
  return (request, context) => passStream(door, request, context);
}

/** A method, and what a call of it passes on its way to the handler. */
interface Door {
  method: DescMethod;
  serving: Serving;
  observed: ObservedMethod | undefined;
  /** What runs the method, if it is a command. */
  commands: Commands | undefined;
  /** Checks a request, or each of a stream of them as it comes. */
  checked: (request: Message, context: HandlerContext) => never;
  handle: Handler;
}

/** How far a call came. */
interface Passage {
  observed: ObservedCall | undefined;
  call: GuardedCall | undefined;
  letIn: boolean;
  /** It is a command that took effect: what becomes of its answers does not change that. */
  done?: boolean;
}

async function passUnary(door: Door, request: Message, context: HandlerContext): Promise<unknown> {
  const { commands, handle, checked } = door;
  const passage: Passage = { observed: door.observed && observeCall(door.observed, context), call: undefined, letIn: false };
  try {
    const admitted = admitCall(door.method, request, context, door.serving, passage);
    const call = admitted instanceof Promise ? await admitted : admitted;
    passage.letIn = true;
    const answer = await (commands ? passCommand(door, commands, call, request, context) : runInCall(call, handle, checked(request, context), context));
    passage.observed?.end();
    return answer;
  } catch (error) {
    throw refusal(door, passage, request, context, error);
  } finally {
    const telling = passage.call?.ended?.();
    if (telling) await telling;
  }
}

function passCommand({ method, handle, checked }: Door, commands: Commands, call: Call, request: Message, context: HandlerContext): Promise<unknown> {
  const valid = checked(request, context);
  return runCommand({ commands, method, call, request: valid, context }, () => handle(valid, context) as never);
}

async function* passStream(door: Door, request: Message, context: HandlerContext): Streamed {
  const { method, commands } = door;
  const passage: Passage = { observed: door.observed && observeCall(door.observed, context), call: undefined, letIn: false };
  let over = false;
  try {
    const call = await admitCall(method, request, context, door.serving, passage);
    passage.letIn = true;
    const start = (given = request) => inCall(call, () => streamOf(door, door.checked(given, context), context));
    yield* untilLost(commands ? runStreamingCommand({ commands, method, call, request, context, done: () => (passage.done = true) }, start) : start(), call.onLoss);
    // A handler may end in silence when its caller's time is over; a command that came to its end is done.
    if (!commands) context.signal.throwIfAborted();
    over = true;
    passage.observed?.end();
  } catch (error) {
    over = true;
    throw refusal(door, passage, request, context, error);
  } finally {
    if (!over) refusal(door, passage, request, context, new ConnectError('the caller left', Code.Canceled));
    await passage.call?.ended?.();
  }
}

/** The error that the caller gets; a command that was refused or failed is kept for the audit. */
function refusal({ method, serving, commands }: Door, { call, letIn, done, observed }: Passage, request: Message, context: HandlerContext, error: unknown): ConnectError {
  const seen = withoutRepeat(masked(error, call, method, context, serving.log), call);
  if (commands && call && !done) commands.fail(call, method, request, seen, letIn);
  observed?.end(seen);
  return seen;
}

/** Who hears that an org lies elsewhere calls again there: not where commands of other services were done without a key, which would be done twice. */
function withoutRepeat(error: ConnectError, call: Call | undefined): ConnectError {
  if (!call?.nestedCommands || call.idempotencyKey !== undefined || reasonOf(error) !== 'kernel.WRONG_SHARD') return error;
  return kernelErrors.ORG_MOVED();
}

function streamOf({ method, handle }: Door, request: never, context: HandlerContext): Streamed {
  if (method.methodKind !== 'client_streaming') return handle(request, context) as Streamed;
  return (async function* () {
    yield (await handle(request, context)) as Message;
  })();
}

async function onlyAnswer(answers: Streamed): Promise<Message> {
  let last: Message | undefined;
  for await (const answer of answers) last = answer;
  return last!;
}

/** Ends with the call, though the caller may keep its half of the stream open and be silent. */
async function* validated(method: DescMethod, requests: Streamed, signal: AbortSignal): Streamed {
  const messages = requests[Symbol.asyncIterator]();
  const gate = new Gate();
  const shut = () => gate.shut(whyOver(signal));
  signal.addEventListener('abort', shut);
  if (signal.aborted) shut();
  try {
    for (;;) {
      const next = await gate.pass(messages.next());
      if (next.done) return;
      validateMessage(method.input, next.value);
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', shut);
    // Not waited for: it may stand behind a message that never comes.
    messages.return?.(undefined)?.catch(() => {});
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
    await runInCall(call, () => iterator.return?.(undefined));
  }
}

/** What a caller may see: an error made on purpose as it is, anything else as `kernel.INTERNAL` with a trace id to quote. */
function masked(error: unknown, call: Call | undefined, method: DescMethod, context: HandlerContext, log: Logger): ConnectError {
  // How a caller ends its stream is its own affair: one that resets it as INTERNAL_ERROR is no failure of ours.
  if (error instanceof ConnectError && error !== context.signal.reason) return error;
  if (context.signal.aborted) return whyOver(context.signal);
  const traceId = call?.traceId ?? traceIdOf(context.requestHeader);
  log.error({ err: error, method: `${method.parent.typeName}/${method.name}`, traceId }, 'a handler failed');
  return kernelErrors.INTERNAL({ traceId });
}
