import type { Socket } from 'node:net';
import { ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { httpErrors } from '../../http/http-errors.ts';
import type { LeanHost } from '../lean-host.ts';
import { UnaryAnswer } from '../unary-answer.ts';
import { errorCode, Http2Error, PREFACE, setting } from './frames.ts';
import type { HeaderEncoder } from './header-encoder.ts';
import { staticIndex } from './hpack-static-table.ts';
import { Http2End } from './http2-end.ts';
import { StreamState } from './stream-state.ts';

/** So many calls of one connection may be under way. */
const MOST_CALLS = 5000;
/** While so much of its answers has not left, nothing more is read of a connection. */
const MOST_UNREAD = 4 * 1024 * 1024;
/** A caller closes what rests long before, in milliseconds. */
const SILENCE_MILLISECONDS = 72_000;

/** What a call has that is more than is read here, or what no request over HTTP/2 may have. */
const elaborate = ['content-encoding', 'expect', 'connection', 'transfer-encoding', 'upgrade', 'keep-alive'];

class AnsweredCall extends StreamState {
  answer: UnaryAnswer | undefined;
  /** All of the request has come. */
  isWhole = false;
}

/** A connection on which another process calls, many calls at once, over HTTP/2. */
export class AnsweringEnd extends Http2End<AnsweredCall> {
  readonly #host: LeanHost;
  #last = 0;
  #isDraining = false;

  constructor(socket: Socket, host: LeanHost, first: Buffer) {
    super(socket);
    this.#host = host;
    socket.setTimeout(SILENCE_MILLISECONDS, () => this.streams.size === 0 && this.drain());
    socket.on('error', () => socket.destroy()).on('end', () => socket.destroy()).on('close', () => this.#closed());
    this.greet([[setting.MAX_CONCURRENT_STREAMS, MOST_CALLS]]);
    if (host.isDraining) this.drain();
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    this.#received(first.subarray(PREFACE.length));
  }

  /** Takes no more calls, and says which was the last; closes when all of them are answered. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.sayGoodbye(this.#last);
    this.#endIfDone();
  }

  /** Whoever wants to know whether this process is at work asks, and is answered. */
  tellOfWork(): void {}

  destroy(): void {
    this.socket.destroy();
  }

  #received(bytes: Buffer): void {
    try {
      this.read(bytes);
    } catch (error) {
      this.#break(error);
    }
    if (this.outbox.backlog <= MOST_UNREAD || this.socket.isPaused()) return;
    this.outbox.flush();
    if (this.socket.writableNeedDrain) this.socket.pause().once('drain', () => this.socket.resume());
  }

  #break(error: unknown): void {
    this.sayGoodbye(this.#last, error instanceof Http2Error ? error.code : errorCode.INTERNAL_ERROR);
    this.socket.destroy();
    if (!(error instanceof Http2Error)) throw error;
  }

  #closed(): void {
    for (const { answer } of this.streams.values()) answer?.leave();
    this.streams.clear();
    this.#host.done(this);
  }

  protected override headersCame(id: number, list: string[] | undefined, isLast: boolean): void {
    if (id % 2 === 0) throw new Http2Error(errorCode.PROTOCOL_ERROR, 'a call has a number that is not its own');
    const before = this.streams.get(id);
    if (before) return this.#trailersCame(before, isLast);
    if (id <= this.#last) return;
    // Whoever calls has heard, or will, that it did not begin.
    if (this.#isDraining) return;
    this.#last = id;
    const stream = new AnsweredCall(id);
    if (this.streams.size >= MOST_CALLS) return this.reset(stream, errorCode.REFUSED_STREAM);
    this.streams.set(id, stream);
    if (list) this.#begin(stream, list);
    // It may be too long only for here.
    else this.reset(stream, errorCode.HTTP_1_1_REQUIRED);
    if (isLast && this.streams.has(id)) this.dataCame(stream, NONE, true);
  }

  #trailersCame(stream: AnsweredCall, isLast: boolean): void {
    if (!isLast || stream.isWhole) throw new Http2Error(errorCode.PROTOCOL_ERROR, 'a call has headers twice');
    this.dataCame(stream, NONE, true);
  }

  #begin(stream: AnsweredCall, list: string[]): void {
    const request = requestOf(list);
    if (!request) return this.reset(stream, errorCode.PROTOCOL_ERROR);
    const { path, headers } = request;
    const isPlain = request.method === 'POST' && headers['content-type'] === 'application/proto' && !elaborate.some((name) => headers[name] !== undefined);
    const method = isPlain ? this.#host.methodAt(path.slice(1)) : undefined;
    // Whatever else there is, is served there.
    if (!method) return this.reset(stream, errorCode.HTTP_1_1_REQUIRED);
    try {
      stream.answer = new UnaryAnswer(method, headers, this.#host.arrive, (status, type, lines, body) => this.#respond(stream, status, type, lines, body));
    } catch (error) {
      const { code } = ConnectError.from(error);
      this.#respond(stream, codeToHttpStatus(code), 'application/json', '', errorToJsonBytes(error as ConnectError, undefined));
    }
  }

  protected override dataCame(stream: AnsweredCall, bytes: Buffer, isLast: boolean): void {
    if (stream.isWhole) throw new Http2Error(errorCode.STREAM_CLOSED, 'a request goes on behind its end');
    stream.isWhole = isLast;
    const answer = stream.answer!;
    if (stream.size > this.#host.bodyLimitBytes) answer.refuse(httpErrors.BODY_TOO_LARGE({ limit: this.#host.bodyLimitBytes }));
    else if (!isLast) stream.keep(bytes);
    else void answer.run(stream.whole(bytes));
  }

  #respond(stream: AnsweredCall, status: number, type: string, lines: string, body: Uint8Array): void {
    if (this.streams.get(stream.id) !== stream || this.socket.destroyed) return;
    const { encoder } = this;
    encoder.begin();
    if (status === 200) encoder.addStatic(STATUS_200);
    else encoder.add(':status', String(status));
    encoder.add('content-type', type);
    if (lines !== '') for (const line of lines.split('\r\n')) if (line !== '') addLine(encoder, line);
    this.outbox.headers(stream.id, encoder.end(), body.length === 0);
    if (body.length === 0) this.bodySent(stream);
    else this.sender.send(stream, body);
  }

  protected override bodySent(stream: AnsweredCall): void {
    // What has not come of the request is not wanted.
    if (stream.isWhole) this.forget(stream);
    else this.reset(stream, errorCode.NO_ERROR);
    this.#endIfDone();
  }

  protected override resetCame(stream: AnsweredCall): void {
    stream.answer?.leave();
    this.#endIfDone();
  }

  protected override goodbyeCame(): void {
    this.drain();
  }

  protected override settingsCame(): void {}

  protected override isIdle(id: number): boolean {
    // Whoever hears only now of the good-bye has begun others.
    return id > this.#last && !this.#isDraining;
  }

  #endIfDone(): void {
    if (!this.#isDraining || this.streams.size > 0 || this.socket.writableEnded) return;
    this.close();
  }
}

const NONE = Buffer.alloc(0);
const STATUS_200 = staticIndex(':status', '200');

function addLine(encoder: HeaderEncoder, line: string): void {
  const colon = line.indexOf(': ');
  encoder.add(line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
}

/** What a block of headers asks for; nothing where what each request has is not there once, and first. */
function requestOf(list: readonly string[]): { method: string; path: string; headers: Record<string, string> } | undefined {
  let [method, path, scheme, authority]: (string | undefined)[] = [];
  let at = 0;
  for (; at < list.length; at += 2) {
    const [name, value] = [list[at]!, list[at + 1]!];
    if (name === ':method' && method === undefined) method = value;
    else if (name === ':path' && path === undefined) path = value;
    else if (name === ':scheme' && scheme === undefined) scheme = value;
    else if (name === ':authority' && authority === undefined) authority = value;
    else break;
  }
  const headers = fieldsOf(list, at);
  return headers && method !== undefined && path !== undefined && scheme !== undefined ? { method, path, headers } : undefined;
}

function fieldsOf(list: readonly string[], from: number): Record<string, string> | undefined {
  const headers = new Fields();
  for (let at = from; at < list.length; at += 2) {
    const name = list[at]!;
    if (name.charCodeAt(0) === COLON) return undefined;
    const before = headers[name];
    headers[name] = before === undefined ? list[at + 1]! : `${before}, ${list[at + 1]!}`;
  }
  return headers;
}

const COLON = 0x3a;

/** An object that inherits nothing, and is as fast as any: one without a prototype is not. */
const Fields = function () {} as unknown as { new (): Record<string, string>; prototype: object };
Fields.prototype = Object.create(null) as object;
