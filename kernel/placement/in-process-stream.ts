import { AsyncLocalStorage } from 'node:async_hooks';
import type { Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { callerError } from './caller-error.ts';
import { CallerWatch, Gate, reasonForHandler } from './caller-leaving.ts';
import type { InProcessCall } from './in-process-call.ts';
import type { ServedMethod } from './served-method.ts';

const ignore = () => {};

/**
 * A streaming call between a caller and a handler of the same process. Each message is asked for by its reader
 * and copied on the way, so a slow reader holds the writer back.
 */
export class InProcessStream implements AsyncIterable<Message> {
  readonly #served: ServedMethod;
  readonly #call: InProcessCall;
  readonly #input: AsyncIterator<object>;
  readonly #output: AsyncIterator<object>;
  readonly #toCaller = new Gate();
  readonly #toHandler = new Gate();
  /** Either side's code runs in its own context, not in that of the reader who happens to ask. */
  readonly #inContext = AsyncLocalStorage.snapshot();
  readonly #watch: CallerWatch;
  #first: Promise<IteratorResult<Message>> | undefined;
  #over = false;
  #left: ConnectError | undefined;

  constructor(served: ServedMethod, call: InProcessCall, input: AsyncIterable<object>, signal: AbortSignal | undefined) {
    this.#served = served;
    this.#call = call;
    this.#input = input[Symbol.asyncIterator]();
    this.#output = answers(served, { [Symbol.asyncIterator]: () => ({ next: () => this.#nextRequest() }) }, call);
    this.#watch = new CallerWatch(signal, call.deadline, (error) => this.#leave(error));
  }

  /** Starts the handler; headers arrive with the first message or with the end. Fails if the caller leaves before. */
  async open(): Promise<void> {
    const first = (this.#first = this.#nextAnswer());
    await first.catch(ignore);
    this.#call.sendHeader();
    if (this.#left) throw this.#left;
  }

  [Symbol.asyncIterator](): AsyncIterator<Message> {
    return {
      next: () => {
        const next = this.#first ?? this.#nextAnswer();
        this.#first = undefined;
        return next;
      },
    };
  }

  async #nextAnswer(): Promise<IteratorResult<Message>> {
    try {
      const next = await this.#toCaller.pass(this.#inContext(() => this.#output.next()));
      if (!next.done) return { done: false, value: this.#served.copyOutput(next.value) };
      this.#end();
      return { done: true, value: undefined };
    } catch (error) {
      if (this.#over) throw error;
      const failed = callerError(error, this.#call);
      this.#end(failed, error);
      throw failed;
    }
  }

  async #nextRequest(): Promise<IteratorResult<Message>> {
    const asked = this.#inContext(() => this.#input.next()).then(
      (next): IteratorResult<Message> => (next.done ? { done: true, value: undefined } : { done: false, value: this.#served.copyInput(next.value) }),
    );
    // What the caller's own stream throws is the caller's: the handler only learns that it left.
    asked.catch((error: unknown) => this.#leave(ConnectError.from(error, Code.Internal)));
    return this.#toHandler.pass(asked);
  }

  #leave(error: ConnectError): void {
    if (this.#over) return;
    this.#left = error;
    this.#toCaller.shut(error);
    this.#end(error, reasonForHandler(error));
  }

  /** Whoever ended the call and however: the other side is told, and the `finally` blocks of both run. */
  #end(forCaller?: ConnectError, forHandler?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#watch.stop();
    this.#toHandler.shut(forHandler ?? new ConnectError('the call is over', Code.Canceled));
    this.#call.end(forHandler);
    this.#inContext(() => {
      if (forCaller) this.#input.throw?.(forCaller)?.catch(ignore);
      this.#input.return?.()?.catch(ignore);
      this.#output.return?.()?.catch(ignore);
    });
  }
}

async function* answers(served: ServedMethod, requests: AsyncIterable<Message>, call: InProcessCall): AsyncGenerator<object, void> {
  if (served.kind === 'server_streaming') yield* served.handle(await only(requests), call) as AsyncIterable<object>;
  else if (served.kind === 'bidi_streaming') yield* served.handle(requests, call) as AsyncIterable<object>;
  else yield await (served.handle(requests, call) as Promise<object>);
}

async function only(requests: AsyncIterable<Message>): Promise<Message> {
  for await (const request of requests) return request;
  throw new ConnectError('protocol error: missing input message for server-streaming method', Code.Unimplemented);
}
