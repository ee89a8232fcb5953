import { createRegistry, fromBinary, type DescMethod, type DescMethodStreaming, type DescMethodUnary, type DescService, type Message } from '@bufbuild/protobuf';
import { ConnectError, type HandlerContext, type ServiceImpl, type Transport } from '@connectrpc/connect';
import { file_google_rpc_error_details } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { currentCall } from '../guard/call.ts';
import { contentLength, contentStatus } from '../http/rest/offer-content.ts';
import { CallValues } from '../placement/call-values.ts';
import { oneMessage } from '../placement/one-message.ts';

/** Headers that the process which sends a request makes itself. */
const ofTheHop = /^(?::|connect-|grpc-|content-(?:type|length|encoding)$|mainstay-)|^(?:accept|accept-encoding|authorization|connection|cookie|host|idempotency-key|if-match|te|traceparent|tracestate|transfer-encoding|user-agent|x-forwarded-for|x-request-id)$/;

/** Headers by which a method that offers a file tells the door what it answers. */
const ofContent = new Set([contentStatus, contentLength]);

const ofErrors = createRegistry(file_google_rpc_error_details);

/**
 * A service of another process, as this one offers it to callers from outside: what they ask is passed on with who they are,
 * and what comes back is theirs as it is.
 */
export function forwardService<S extends DescService>(service: S, transport: Transport): ServiceImpl<S> {
  return Object.fromEntries(service.methods.map((method) => [method.localName, forwarded(method, transport)])) as never;
}

function forwarded(method: DescMethod, transport: Transport) {
  if (method.methodKind === 'unary') return (request: Message, context: HandlerContext) => unary(method as DescMethodUnary, request, context, transport);
  const open = (requests: AsyncIterable<Message>, context: HandlerContext) => stream(method as DescMethodStreaming, each(requests), context, transport);
  if (method.methodKind === 'client_streaming') return (requests: AsyncIterable<Message>, context: HandlerContext) => only(open(requests, context));
  return method.methodKind === 'bidi_streaming' ? open : (request: Message, context: HandlerContext) => open(oneMessage(request), context);
}

async function unary(method: DescMethodUnary, request: Message, context: HandlerContext, transport: Transport): Promise<Message> {
  const { header, trailer, message } = await transport.unary(method, context.signal, context.timeoutMs(), passedOn(context.requestHeader), request as never, new CallValues(currentCall())).catch(answerOf);
  pass(header, context.responseHeader);
  pass(trailer, context.responseTrailer);
  return message as Message;
}

async function* stream(method: DescMethodStreaming, requests: AsyncIterable<Message>, context: HandlerContext, transport: Transport): AsyncGenerator<Message> {
  try {
    const { header, trailer, message } = await transport.stream(method, context.signal, context.timeoutMs(), passedOn(context.requestHeader), requests as never, new CallValues(currentCall()));
    pass(header, context.responseHeader);
    yield* message as AsyncIterable<Message>;
    pass(trailer, context.responseTrailer);
  } catch (error) {
    answerOf(error);
  }
}

/** The error of the other process is the answer: its metadata, which else stays between the two, goes on to the caller. */
function answerOf(error: unknown): never {
  if (!(error instanceof ConnectError)) throw error;
  const answer = new ConnectError(error.rawMessage, error.code);
  answer.details = error.details.map(typed);
  pass(error.metadata, answer.metadata);
  throw answer;
}

/** A detail as who throws it has it: Connect shows those in a readable form beside the binary one. */
function typed(detail: ConnectError['details'][number]): ConnectError['details'][number] {
  if ('desc' in detail) return detail;
  const desc = ofErrors.getMessage(detail.type);
  return desc ? { desc, value: fromBinary(desc, detail.value) } : detail;
}

function passedOn(header: Headers): Headers {
  const passed = new Headers();
  for (const [name, value] of header) if (!ofTheHop.test(name)) passed.append(name, value);
  return passed;
}

function pass(from: Headers, to: Headers): void {
  for (const [name, value] of from) if (!ofTheHop.test(name) || ofContent.has(name)) to.append(name, value);
}

async function only(messages: AsyncIterable<Message>): Promise<Message> {
  let last: Message | undefined;
  for await (const message of messages) last = message;
  return last!;
}

/** Requests as a generator: a transport ends those of a call that fails by throwing into them, which not every stream lets it. */
async function* each(messages: AsyncIterable<Message>): AsyncGenerator<Message> {
  for await (const message of messages) yield message;
}
