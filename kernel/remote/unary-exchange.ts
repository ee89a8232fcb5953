import type { DescMessage, DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Codec } from '../codec/codec-of.ts';
import { CallerWatch } from '../placement/caller-leaving.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { Exchange, PeerConnection } from './peer-connection.ts';
import { RemoteAnswer } from './remote-answer.ts';
import { connectionError, errorOf } from './remote-error.ts';
import type { RawResponse } from './response-reader.ts';

/** One unary call to another process, from its request to its answer or to whatever ends it before. */
export class UnaryExchange implements Exchange {
  readonly head: string;
  readonly body: Uint8Array;
  connection: PeerConnection | undefined;
  readonly #method: DescMethod;
  readonly #output: Codec<DescMessage>;
  readonly #pool: ConnectionPool;
  readonly #resolve: (answer: RemoteAnswer) => void;
  readonly #reject: (error: ConnectError) => void;
  #watch: CallerWatch | undefined;
  #over = false;

  constructor(method: DescMethod, output: Codec<DescMessage>, head: string, body: Uint8Array, pool: ConnectionPool, resolve: (answer: RemoteAnswer) => void, reject: (error: ConnectError) => void) {
    this.head = head;
    this.body = body;
    this.#method = method;
    this.#output = output;
    this.#pool = pool;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Ends the call when its caller leaves or its time is over. */
  watch(signal: AbortSignal | undefined, timeoutMs: number | undefined): void {
    if (this.#over || (!signal && timeoutMs === undefined)) return;
    this.#watch = new CallerWatch(signal, timeoutMs === undefined ? undefined : performance.now() + timeoutMs, (error) => this.#leave(error));
  }

  answered(response: RawResponse): void {
    if (response.status !== 200) return this.#fail(errorOf(response));
    if (response.contentType !== 'application/proto') return this.#fail(new ConnectError(`the peer answered with ${response.contentType || 'no media type'}, not with application/proto`, Code.Internal));
    try {
      const message = this.#output.fromBinary(response.body);
      this.#end();
      this.#resolve(new RemoteAnswer(this.#method, message, response.head));
    } catch (error) {
      this.#fail(new ConnectError(`the peer's answer can not be read: ${(error as Error).message}`, Code.Internal));
    }
  }

  failed(error: Error, sent: boolean): void {
    this.#fail(connectionError(error, sent));
  }

  #leave(error: ConnectError): void {
    this.#pool.abandon(this);
    // Whoever does not answer may be gone, and the connections to it with it.
    if (error.code === Code.DeadlineExceeded) this.#pool.distrust();
    this.#fail(error);
  }

  #fail(error: ConnectError): void {
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#over = true;
    this.#watch?.stop();
  }
}
