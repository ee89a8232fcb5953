import type { TLSSocket } from 'node:tls';
import { connected, openPeerSocket, type PeerAddress } from '../open-peer-socket.ts';
import { CarriedCall, type SharedExchange } from './carried-call.ts';
import { errorCode, Http2Error, PREFACE, setting, UNARY_CALLS_ALONE } from './frames.ts';
import { staticIndex } from './hpack-static-table.ts';
import { Http2End } from './http2-end.ts';

/** A connection carries so many calls and then makes room for another: their numbers have 31 bits. */
const LAST_NUMBER = 2 ** 31 - 101;

const POST = staticIndex(':method', 'POST');
const HTTP = staticIndex(':scheme', 'http');
const HTTPS = staticIndex(':scheme', 'https');

/** Whoever chooses the connections hears what becomes of each. */
export interface CallingHost {
  /** It may carry another call. */
  free(end: CallingEnd): void;
  /** It carries no more calls than it has. */
  going(end: CallingEnd): void;
  closed(end: CallingEnd, error: Error): void;
  /** The peer wants that call over HTTP/1.1. */
  fallBack(exchange: SharedExchange): void;
}

/** A connection to a peer that carries many calls at once, over HTTP/2. */
export class CallingEnd extends Http2End<CarriedCall> {
  readonly #host: CallingHost;
  readonly #authority: string;
  readonly #scheme: number;
  readonly #mostBytes: number;
  readonly #mostCalls: number;
  #next = 1;
  #cause = new Error('the connection ended');
  #silences = 0;
  #heard = 0;
  /** The peer listens. */
  isConnected = false;
  /** The peer speaks HTTP/2, and has said how. */
  isReady = false;
  isGoing = false;
  /** It was cut from here. */
  isCut = false;
  /** What came is not HTTP/2. */
  isOther = false;
  /** Since when it carries nothing, by `performance.now()`. */
  restingSince = performance.now();

  constructor(address: PeerAddress, authority: string, mostCalls: number, host: CallingHost) {
    let received: (bytes: Buffer) => void;
    super(openPeerSocket(address, ['h2', 'http/1.1'], (bytes) => received(bytes)));
    received = (bytes) => this.#received(bytes);
    this.#host = host;
    this.#authority = authority;
    this.#scheme = address.tls ? HTTPS : HTTP;
    this.#mostBytes = address.mostBytes;
    this.#mostCalls = mostCalls;
    this.socket.on('error', (error) => (this.#cause = error)).once('close', () => this.#closed()).once(connected(address), () => this.#connected());
  }

  get hasBegun(): boolean {
    return this.#next > 1;
  }

  get isFree(): boolean {
    return this.isReady && !this.isGoing && this.streams.size < this.#mostCalls && this.streams.size < this.mostStreams;
  }

  get rests(): boolean {
    return this.streams.size === 0;
  }

  start(exchange: SharedExchange): void {
    const { path, headers, body } = exchange;
    if (sizeOf(headers) > this.mostHeaderBytes) return this.#host.fallBack(exchange);
    const stream = new CarriedCall(this.#next, exchange, this, this.#heard);
    if (this.streams.size === 0) this.#silences = 0;
    this.#next += 2;
    this.streams.set(stream.id, stream);
    exchange.carried = stream;
    const { encoder } = this;
    encoder.begin();
    encoder.addStatic(POST);
    encoder.addStatic(this.#scheme);
    encoder.add(':path', path);
    encoder.add(':authority', this.#authority);
    encoder.add('content-type', 'application/proto');
    encoder.add('connect-protocol-version', '1');
    for (const name in headers) encoder.add(name, headers[name]!);
    this.outbox.headers(stream.id, encoder.end(), body.length === 0);
    if (body.length > 0) this.sender.send(stream, body);
    if (this.#next > LAST_NUMBER) this.#go();
  }

  /** Nobody waits for the answer any more: the peer is told, and the others go on. If nothing at all was heard since it began, the connection is not trusted with more. */
  abandon(stream: CarriedCall, isLate: boolean): void {
    if (this.streams.get(stream.id) !== stream) return;
    this.reset(stream, errorCode.CANCEL);
    if (isLate && stream.heardBefore === this.#heard) this.#go();
    this.#freed();
  }

  /** Called again and again while there are calls: asks whether the peer is there, and tells whether it was silent this often. */
  isSilent(times: number): boolean {
    if (this.isReady && this.streams.size === 0) return false;
    if (this.isReady) this.ping();
    return this.isConnected && ++this.#silences > times;
  }

  /** Carries no more calls, and closes when those that it has are over. */
  retire(): void {
    this.#go();
    this.#closeIfDone();
  }

  destroy(error?: Error): void {
    this.isCut = true;
    if (error) this.#cause = error;
    this.socket.destroy();
  }

  #connected(): void {
    this.isConnected = true;
    if ((this.socket as TLSSocket).alpnProtocol === 'http/1.1') {
      this.isOther = true;
      return void this.socket.destroy();
    }
    this.outbox.raw(PREFACE);
    this.greet([[setting.ENABLE_PUSH, 0], [UNARY_CALLS_ALONE, 1]]);
  }

  #received(bytes: Buffer): void {
    this.#silences = 0;
    this.#heard++;
    try {
      this.read(bytes);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      if (!this.isReady) this.isOther = true;
      else this.sayGoodbye(0, error.code);
      this.#cause = error;
      this.socket.destroy();
    }
  }

  #closed(): void {
    this.isGoing = true;
    const carried = [...this.streams.values()];
    this.streams.clear();
    this.#host.closed(this, this.#cause);
    for (const { exchange } of carried) this.#fail(exchange, this.#cause, true);
  }

  protected override headersCame(id: number, list: string[] | undefined, isLast: boolean): void {
    if (this.isIdle(id)) throw new Http2Error(errorCode.PROTOCOL_ERROR, 'an answer came to no call');
    const stream = this.streams.get(id);
    if (!stream) return;
    if (stream.status === 0) {
      if (!list || !stream.readHead(list)) return this.#giveUp(stream, new Error('the answer has headers that can not be read'));
      // More is to come (RFC 9110 §15.2).
      if (stream.status < 200) stream.status = 0;
    }
    if (isLast) this.dataCame(stream, NONE, true);
  }

  protected override dataCame(stream: CarriedCall, bytes: Buffer, isLast: boolean): void {
    if (stream.status === 0) return this.#giveUp(stream, new Error('the answer has no headers'));
    if (stream.size > this.#mostBytes) return this.#giveUp(stream, new Error(`the answer is larger than ${this.#mostBytes} bytes`));
    if (!isLast) return stream.keep(bytes);
    const { status, contentType, head, exchange } = stream;
    const body = stream.whole(bytes);
    exchange.carried = undefined;
    this.forget(stream);
    exchange.answered({ status, head, contentType, body, reusable: true });
    this.#freed();
  }

  protected override resetCame(stream: CarriedCall, code: number): void {
    stream.exchange.carried = undefined;
    if (code === errorCode.HTTP_1_1_REQUIRED) this.#host.fallBack(stream.exchange);
    else this.#fail(stream.exchange, new Error(`the peer gave the call up with HTTP/2 error ${code}`), code !== errorCode.REFUSED_STREAM);
    this.#freed();
  }

  /** What came behind the last that the peer began did not run. */
  protected override goodbyeCame(lastStream: number): void {
    this.#go();
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= lastStream) continue;
      this.forget(stream);
      this.#fail(stream.exchange, new Error('it stops'), false);
    }
    this.#closeIfDone();
  }

  protected override settingsCame(): void {
    if (!this.isReady) this.isReady = true;
    this.#host.free(this);
  }

  protected override bodySent(): void {}

  protected override isIdle(id: number): boolean {
    return id >= this.#next || id % 2 === 0;
  }

  #giveUp(stream: CarriedCall, error: Error): void {
    this.reset(stream, errorCode.CANCEL);
    this.#fail(stream.exchange, error, true);
    this.#freed();
  }

  #fail(exchange: SharedExchange, error: Error, sent: boolean): void {
    exchange.carried = undefined;
    exchange.failed(error, sent);
  }

  #freed(): void {
    if (this.streams.size === 0) this.restingSince = performance.now();
    if (this.isGoing) this.#closeIfDone();
    else this.#host.free(this);
  }

  #go(): void {
    if (this.isGoing) return;
    this.isGoing = true;
    this.#host.going(this);
  }

  #closeIfDone(): void {
    if (this.streams.size > 0 || this.socket.writableEnded) return;
    this.sayGoodbye(0);
    this.close();
  }
}

const NONE = Buffer.alloc(0);

/** As RFC 9113 §6.5.2 counts them, with what each request has beside. */
function sizeOf(headers: Readonly<Record<string, string>>): number {
  let size = 1024;
  for (const name in headers) size += name.length + headers[name]!.length + 32;
  return size;
}
