import type { Socket } from 'node:net';
import { flag, frame, FRAME_HEAD, LARGEST_FRAME, writeFrameHead } from './frames.ts';

const PAGE_BYTES = 64 * 1024;

/** What is to be written to a connection: all that one turn of the event loop brings goes out in one write, which costs more than what it carries. */
export class Outbox {
  readonly #socket: Socket;
  readonly #flushed: () => void;
  #page = Buffer.allocUnsafeSlow(PAGE_BYTES);
  #from = 0;
  #to = 0;
  #scheduled = false;

  /** `flushed` is told after each write. */
  constructor(socket: Socket, flushed: () => void) {
    this.#socket = socket;
    this.#flushed = flushed;
  }

  /** Bytes that have not left this process. */
  get backlog(): number {
    return this.#socket.writableLength + this.#to - this.#from;
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#page.set(bytes, at);
  }

  frame(type: number, flags: number, stream: number, bytes: Uint8Array, from = 0, to = bytes.length): void {
    const length = to - from;
    const at = this.#reserve(FRAME_HEAD + length);
    writeFrameHead(this.#page, at, length, type, flags, stream);
    this.#page.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), at + FRAME_HEAD);
  }

  /** A frame of numbers of 32 bits. */
  numbers(type: number, stream: number, ...numbers: number[]): void {
    const at = this.#reserve(FRAME_HEAD + numbers.length * 4);
    writeFrameHead(this.#page, at, numbers.length * 4, type, 0, stream);
    numbers.forEach((number, index) => this.#page.writeUInt32BE(number, at + FRAME_HEAD + index * 4));
  }

  /** A block of headers, in as many frames as it takes. */
  headers(stream: number, block: Buffer, isLast: boolean): void {
    const end = isLast ? flag.END_STREAM : 0;
    if (block.length <= LARGEST_FRAME) return this.frame(frame.HEADERS, flag.END_HEADERS | end, stream, block);
    this.frame(frame.HEADERS, end, stream, block, 0, LARGEST_FRAME);
    for (let at = LARGEST_FRAME; at < block.length; at += LARGEST_FRAME) {
      const to = Math.min(at + LARGEST_FRAME, block.length);
      this.frame(frame.CONTINUATION, to === block.length ? flag.END_HEADERS : 0, stream, block, at, to);
    }
  }

  /** Writes what there is, now. */
  flush(): void {
    if (this.#from < this.#to && !this.#socket.destroyed) this.#socket.write(this.#page.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }

  /** What was written before is not touched again: it may still be on its way. */
  #reserve(bytes: number): number {
    if (this.#to + bytes > this.#page.length) {
      this.flush();
      this.#page = Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, bytes));
      this.#from = this.#to = 0;
    }
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#turnIsOver);
    }
    const at = this.#to;
    this.#to += bytes;
    return at;
  }

  readonly #turnIsOver = () => {
    this.#scheduled = false;
    this.flush();
    this.#flushed();
  };
}
