import type { DescMessage, DescMethod, DescMethodStreaming, DescMethodUnary, Message, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { ConnectError, ContextValues, StreamResponse, Transport, UnaryResponse } from '@connectrpc/connect';
import { callerError } from './caller-error.ts';
import { CallerWatch, reasonForHandler, refuseIfGone } from './caller-leaving.ts';
import { InProcessCall, type RequestHeader } from './in-process-call.ts';
import { InProcessStream } from './in-process-stream.ts';
import type { ServedMethod } from './served-method.ts';

/**
 * Calls handlers of this process as a wire would, without one: messages are copied, errors, deadlines and
 * cancellation behave as over gRPC. `find` throws `unimplemented` for a method that is not served here.
 */
export class InProcessTransport implements Transport {
  readonly #find: (method: DescMethod) => ServedMethod;

  constructor(find: (method: DescMethod) => ServedMethod) {
    this.#find = find;
  }

  unary<I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, signal: AbortSignal | undefined, timeoutMs: number | undefined, header: RequestHeader, input: MessageInitShape<I>, values?: ContextValues): Promise<UnaryResponse<I, O>> {
    try {
      const served = this.#find(method);
      refuseIfGone(signal, timeoutMs);
      const request = served.copyInput(input);
      const call = new InProcessCall(served.method, timeoutMs, header, values);
      const answer = signal || timeoutMs !== undefined ? answerWhileWanted(served, method, request, call, signal) : answerOf(served, method, request, call);
      return answer as Promise<Answer<false, DescMethodUnary<I, O>, MessageShape<O>>>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async stream<I extends DescMessage, O extends DescMessage>(method: DescMethodStreaming<I, O>, signal: AbortSignal | undefined, timeoutMs: number | undefined, header: RequestHeader, input: AsyncIterable<MessageInitShape<I>>, values?: ContextValues): Promise<StreamResponse<I, O>> {
    const served = this.#find(method);
    refuseIfGone(signal, timeoutMs);
    const call = new InProcessCall(served.method, timeoutMs, header, values);
    const stream = new InProcessStream(served, call, input, signal);
    await stream.open();
    return new Answer(true as const, method, stream as AsyncIterable<MessageShape<O>>, call);
  }
}

/** A response whose headers and trailers are made when asked for. */
class Answer<S extends boolean, D extends DescMethod, M> {
  readonly stream: S;
  readonly method: D;
  readonly message: M;
  readonly #call: InProcessCall;

  constructor(stream: S, method: D, message: M, call: InProcessCall) {
    this.stream = stream;
    this.method = method;
    this.message = message;
    this.#call = call;
  }

  get service() {
    return this.method.parent;
  }

  get header() {
    return this.#call.sentHeader;
  }

  get headerIfAny() {
    return this.#call.sentHeaderIfAny;
  }

  get trailer() {
    return this.#call.sentTrailer;
  }
}

/** The headers of an answer; nothing where a handler of this process set none. */
export const headerIfAny = (response: UnaryResponse): Headers | undefined => (response instanceof Answer ? response.headerIfAny : response.header);

type UnaryAnswer = Answer<false, DescMethod, Message>;

async function answerOf(served: ServedMethod, method: DescMethod, request: Message, call: InProcessCall): Promise<UnaryAnswer> {
  try {
    const message = served.copyOutput((await served.handle(request, call)) as object);
    call.end();
    return new Answer(false, method, message, call);
  } catch (error) {
    throw callerError(error, call);
  }
}

/** The caller that leaves does not wait for the handler, which is told by its signal. */
function answerWhileWanted(served: ServedMethod, method: DescMethod, request: Message, call: InProcessCall, signal: AbortSignal | undefined): Promise<UnaryAnswer> {
  return new Promise((resolve, reject) => {
    const watch = new CallerWatch(signal, call.deadline, (error) => {
      reject(error);
      call.end(reasonForHandler(error));
    });
    void settle(served, method, request, call, watch, resolve, reject);
  });
}

async function settle(served: ServedMethod, method: DescMethod, request: Message, call: InProcessCall, watch: CallerWatch, resolve: (answer: UnaryAnswer) => void, reject: (error: ConnectError) => void): Promise<void> {
  try {
    const message = served.copyOutput((await served.handle(request, call)) as object);
    call.end();
    resolve(new Answer(false, method, message, call));
  } catch (error) {
    reject(callerError(error, call));
  } finally {
    watch.stop();
  }
}
