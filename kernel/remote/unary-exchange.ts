import type { DescMessage, DescMethod, MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Codec } from '../codec/codec-of.ts';
import { CallerWatch } from '../placement/caller-leaving.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { CarriedCall, SharedExchange } from './multiplex/carried-call.ts';
import type { Multiplex } from './multiplex/multiplex.ts';
import type { Exchange, PeerConnection } from './peer-connection.ts';
import { RemoteAnswer } from './remote-answer.ts';
import { connectionError, errorOf } from './remote-error.ts';
import { headerLines } from './request-head.ts';
import type { RawResponse } from './response-reader.ts';

/** Larger messages would hold up those that share a connection with them. In bytes. */
const MOST_SHARED = 64 * 1024;

/** A method as it is called. */
export interface CalledMethod {
  method: DescMethod;
  path: string;
  /** What a request over HTTP/1.1 begins with. */
  headStart: string;
  write: (input: MessageInitShape<DescMessage>) => Uint8Array;
  output: Codec<DescMessage>;
}

/** Brings calls to a peer. */
interface Carriers {
  pool: ConnectionPool;
  multiplex: Multiplex;
}

/** One unary call to another process, from its request to its answer or to whatever ends it before. */
export class UnaryExchange implements Exchange, SharedExchange {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  connection: PeerConnection | undefined;
  carried: CarriedCall | undefined;
  readonly #called: CalledMethod;
  readonly #carriers: Carriers;
  readonly #resolve: (answer: RemoteAnswer) => void;
  readonly #reject: (error: ConnectError) => void;
  #watch: CallerWatch | undefined;
  #isShared = false;
  #over = false;

  constructor(called: CalledMethod, headers: Readonly<Record<string, string>>, body: Uint8Array, carriers: Carriers, resolve: (answer: RemoteAnswer) => void, reject: (error: ConnectError) => void) {
    this.headers = headers;
    this.body = body;
    this.#called = called;
    this.#carriers = carriers;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get path(): string {
    return this.#called.path;
  }

  get head(): string {
    return `${this.#called.headStart}${headerLines(this.headers)}content-length: ${this.body.length}\r\n\r\n`;
  }

  /** Begins the call: with the others on one connection, or, if it is large, on one of its own. */
  begin(): void {
    const { pool, multiplex } = this.#carriers;
    this.#isShared = this.body.length <= MOST_SHARED && multiplex.isWanted;
    if (this.#isShared) multiplex.run(this);
    else pool.run(this);
  }

  /** Begins it again, on a connection of its own: nothing of it ran. */
  beginAlone(): void {
    this.#isShared = false;
    this.#carriers.pool.run(this);
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
      const message = this.#called.output.fromBinary(response.body);
      this.#end();
      this.#resolve(new RemoteAnswer(this.#called.method, message, response.head));
    } catch (error) {
      this.#fail(new ConnectError(`the peer's answer can not be read: ${(error as Error).message}`, Code.Internal));
    }
  }

  failed(error: Error, sent: boolean): void {
    this.#fail(connectionError(error, sent));
  }

  #leave(error: ConnectError): void {
    const { pool, multiplex } = this.#carriers;
    const isLate = error.code === Code.DeadlineExceeded;
    if (this.#isShared) multiplex.abandon(this, isLate);
    else pool.abandon(this);
    // Whoever does not answer may be gone, and the connections to it with it.
    if (isLate && !this.#isShared) pool.distrust();
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
