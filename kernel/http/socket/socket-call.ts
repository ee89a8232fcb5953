import { toJson, type DescMethod, type DescMethodStreaming, type DescMethodUnary, type JsonObject, type JsonReadOptions, type JsonWriteOptions, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type ContextValues, type Transport } from '@connectrpc/connect';
import { callTimeout } from '../call-timeout.ts';
import { endToEndHeaders } from '../forwarded-headers.ts';
import { httpErrors } from '../http-errors.ts';
import { problemOf } from '../problem.ts';
import { messageFromJson } from '../rest/rest-request.ts';

interface CallOptions {
  transport: Transport;
  json: Partial<JsonReadOptions & JsonWriteOptions>;
  header: Headers;
  values: ContextValues;
  /** Lets the call in, or rejects. */
  admit?(): Promise<void>;
  /** Sends a frame of this call; resolves when the next may be sent. */
  send(frame: JsonObject): Promise<void>;
}

/** A handler that reads slower than its client sends gets no more than this ahead. */
const messagesAhead = 1000;

/** One call on a WebSocket: messages in by `push`, out as frames. */
export class SocketCall {
  /** The method takes a stream of messages. */
  readonly streamsIn: boolean;
  readonly #method: DescMethod;
  readonly #options: CallOptions;
  readonly #gone = new AbortController();
  readonly #waiting: Message[] = [];
  #inputEnded = false;
  #arrived = Promise.withResolvers<void>();

  constructor(method: DescMethod, options: CallOptions) {
    this.#method = method;
    this.#options = options;
    this.streamsIn = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
  }

  /** The client has not sent its last message. */
  get takesMore(): boolean {
    return !this.#inputEnded;
  }

  /** Takes a message from the client, of that many bytes as JSON. One that cannot be read ends the call. */
  push(json: JsonObject, bytes: number): void {
    try {
      if (this.#waiting.length >= messagesAhead) throw httpErrors.TOO_MANY_MESSAGES({ limit: messagesAhead });
      this.#waiting.push(messageFromJson(this.#method.input, json, this.#options.json, bytes));
    } catch (error) {
      this.#gone.abort(error);
    }
    this.#arrived.resolve();
  }

  /** The client has sent its last message. */
  endInput(): void {
    this.#inputEnded = true;
    this.#arrived.resolve();
  }

  cancel(reason = new ConnectError('the call was cancelled', Code.Canceled)): void {
    this.#gone.abort(reason);
    this.#arrived.resolve();
  }

  /** Makes the call and sends what comes of it; never rejects. */
  async run(): Promise<void> {
    try {
      this.#gone.signal.throwIfAborted();
      await this.#options.admit?.();
      const trailer = this.#method.methodKind === 'unary' ? await this.#unary(this.#method as DescMethodUnary) : await this.#stream(this.#method as DescMethodStreaming);
      const trailers = endToEndHeaders(trailer) as Record<string, string>;
      await this.#options.send({ end: Object.keys(trailers).length > 0 ? { trailers } : {} });
    } catch (error) {
      const reason = this.#gone.signal.aborted ? (this.#gone.signal.reason as unknown) : error;
      await this.#options.send({ error: problemOf(reason) as unknown as JsonObject });
    }
  }

  async #unary(method: DescMethodUnary): Promise<Headers> {
    const { transport, header, values } = this.#options;
    const response = await transport.unary(method, this.#gone.signal, this.#timeout(), header, this.#waiting[0] as never, values);
    await this.#sendMessage(response.message);
    return response.trailer;
  }

  async #stream(method: DescMethodStreaming): Promise<Headers> {
    const { transport, header, values } = this.#options;
    const response = await transport.stream(method, this.#gone.signal, this.#timeout(), header, this.#input() as never, values);
    for await (const message of response.message) await this.#sendMessage(message as Message);
    return response.trailer;
  }

  #timeout = () => callTimeout(Object.fromEntries(this.#options.header));

  #sendMessage = (message: Message) => this.#options.send({ message: toJson(this.#method.output, message as never, this.#options.json) });

  async *#input(): AsyncGenerator<Message> {
    for (;;) {
      while (this.#waiting.length > 0) yield this.#waiting.shift()!;
      if (this.#inputEnded) return;
      await this.#arrived.promise;
      this.#gone.signal.throwIfAborted();
      this.#arrived = Promise.withResolvers();
    }
  }
}
