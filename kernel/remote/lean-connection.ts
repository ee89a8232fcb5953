import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectError } from '@connectrpc/connect';
import { httpErrors } from '../http/http-errors.ts';
import type { LeanHost } from './lean-host.ts';
import { AnsweringEnd } from './multiplex/answering-end.ts';
import { peekMultiplex } from './multiplex/peek-multiplex.ts';
import type { PortConnection } from './port-connection.ts';
import { readLeanHead, type LeanHead } from './request-reader.ts';
import { refusalBytes } from './send-refusal.ts';
import { UnaryAnswer, type UnaryMethod } from './unary-answer.ts';

const NONE = Buffer.alloc(0);
const AT_WORK = 'HTTP/1.1 102 Processing\r\n\r\n';
/** Nobody needs so long for the rest of a request, and a caller closes what rests before. In milliseconds. */
const SILENCE_MILLISECONDS = 72_000;

/** A connection on which another process calls: unary calls, one at a time, over HTTP/1.1, or all at once over HTTP/2. Anything else is handed over. */
export class LeanConnection implements PortConnection {
  readonly #socket: Socket;
  readonly #host: LeanHost;
  #held: Buffer = NONE;
  #head: LeanHead | undefined;
  #parts: Uint8Array[] = [];
  #missing = 0;
  #answer: UnaryAnswer | undefined;
  #lastTime: UnaryAnswer | undefined;
  #isRefused = false;
  #isFresh = true;

  constructor(socket: Socket, host: LeanHost) {
    this.#socket = socket;
    this.#host = host;
    socket.setTimeout(SILENCE_MILLISECONDS, this.#silent).on('data', this.#read).on('error', this.#failed).on('end', this.#ended).on('close', this.#closed);
    if (host.isDraining) this.drain();
  }

  /** Takes no more calls: one that is under way is answered, and the caller of one on its way hears that it did not begin. */
  drain(): void {
    if (this.#answer || this.#head) return;
    this.#isRefused = true;
    this.#socket.end(refusalBytes(httpErrors.STOPPING()));
  }

  /** Called again and again: whoever waits for the same answer as the last time hears that this process is at it (RFC 9110 §15.2), not gone. */
  tellOfWork(): void {
    if (this.#answer && this.#answer === this.#lastTime && !this.#isRefused && this.#socket.writableLength === 0) this.#socket.write(AT_WORK);
    this.#lastTime = this.#answer;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  readonly #silent = () => {
    if (!this.#answer) this.#socket.destroy();
  };
  readonly #failed = () => this.#socket.destroy();
  readonly #ended = () => this.#socket.destroy();
  readonly #closed = () => {
    this.#answer?.leave();
    this.#host.done(this);
  };

  readonly #read = (bytes: Buffer): void => {
    if (this.#isRefused) return;
    if (this.#head) return this.#readBody(bytes);
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    // The next request waits for the answer to the one before.
    if (this.#answer) this.#socket.pause();
    else this.#readHead();
  };

  #readHead(): void {
    const bytes = this.#held;
    const head = readLeanHead(bytes);
    if (head === 'more') return;
    if (head === 'other' && this.#isFresh && this.#mayMultiplex(bytes)) return;
    this.#isFresh = false;
    const method = head === 'other' ? undefined : this.#host.methodAt(head.path);
    if (head === 'other' || !method) return this.#handOver();
    this.#held = NONE;
    this.#head = head;
    this.#missing = head.length;
    this.#begin(method, head);
    this.#readBody(bytes.subarray(head.end));
  }

  /** Gives whether there is nothing more to do here, or nothing yet. */
  #mayMultiplex(bytes: Buffer): boolean {
    const kind = peekMultiplex(bytes);
    if (kind === 'multiplex') {
      this.#letGo();
      this.#host.became(new AnsweringEnd(this.#socket, this.#host, bytes));
      this.#host.done(this);
    }
    return kind !== 'other';
  }

  #begin(method: UnaryMethod, { headers, length }: LeanHead): void {
    try {
      this.#answer = new UnaryAnswer(method, headers, this.#host.arrive, (status, type, lines, body) => this.#respond(status, type, lines, body));
      if (length > this.#host.bodyLimitBytes) this.#answer.refuse(httpErrors.BODY_TOO_LARGE({ limit: this.#host.bodyLimitBytes }));
    } catch (error) {
      this.#isRefused = true;
      this.#socket.end(refusalBytes(error as ConnectError, false));
    }
  }

  #readBody(bytes: Buffer): void {
    if (this.#isRefused) return;
    const mine = bytes.length > this.#missing ? bytes.subarray(0, this.#missing) : bytes;
    this.#missing -= mine.length;
    if (this.#missing > 0) return void this.#parts.push(mine);
    if (mine.length < bytes.length) this.#held = bytes.subarray(mine.length);
    const body = this.#whole(mine);
    this.#head = undefined;
    void this.#answer!.run(body);
  }

  /** In memory of its own: what a message holds of it must not belong to others. */
  #whole(last: Buffer): Uint8Array {
    if (this.#parts.length === 0) return new Uint8Array(last);
    const body = new Uint8Array(this.#head!.length);
    let at = 0;
    for (const part of [...this.#parts.splice(0), last]) {
      body.set(part, at);
      at += part.length;
    }
    return body;
  }

  #respond(status: number, type: string, lines: string, body: Uint8Array): void {
    // What has not come of the request would be taken for the next one.
    const isLast = this.#host.isDraining || this.#missing > 0;
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Other'}\r\ncontent-type: ${type}\r\n${lines}${isLast ? 'connection: close\r\n' : ''}content-length: ${body.length}\r\n\r\n`;
    const bytes = Buffer.allocUnsafe(head.length + body.length);
    bytes.write(head, 0, 'latin1');
    bytes.set(body, head.length);
    this.#answer = undefined;
    if (isLast) {
      this.#isRefused = true;
      this.#socket.end(bytes);
    } else if (this.#socket.write(bytes)) this.#next();
    else this.#socket.once('drain', () => this.#next());
  }

  /** A caller that does not wait for its answers has sent the next request already. */
  #next(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#held.length > 0 && !this.#answer) this.#readHead();
  }

  #handOver(): void {
    const socket = this.#socket;
    this.#letGo();
    socket.pause();
    socket.unshift(this.#held);
    this.#host.done(this);
    this.#host.handOver(socket);
  }

  #letGo(): void {
    this.#socket.setTimeout(0).off('timeout', this.#silent).off('data', this.#read).off('error', this.#failed).off('end', this.#ended).off('close', this.#closed);
  }
}
