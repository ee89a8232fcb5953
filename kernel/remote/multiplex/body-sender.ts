import { errorCode, FIRST_WINDOW, flag, frame, Http2Error, LARGEST_FRAME, LARGEST_WINDOW } from './frames.ts';
import type { Outbox } from './outbox.ts';
import type { StreamState } from './stream-state.ts';

/** Large bodies are written piece by piece, and wait while so many bytes have not left: what is small need not stand behind them. */
const MOST_BACKLOG = 256 * 1024;

interface Unsent {
  bytes: Uint8Array;
  at: number;
}

/** Sends bodies as far as the other end allows (RFC 9113 §5.2), those that are large in turn. */
export class BodySender<S extends StreamState> {
  readonly #outbox: Outbox;
  readonly #done: (stream: S) => void;
  readonly #unsent = new Map<S, Unsent>();
  #window = FIRST_WINDOW;
  #initial = FIRST_WINDOW;

  /** `done` hears of each stream whose body is out. */
  constructor(outbox: Outbox, done: (stream: S) => void) {
    this.#outbox = outbox;
    this.#done = done;
  }

  /** Sends a body that is not empty, and ends its stream. It must not change until it is out. */
  send(stream: S, bytes: Uint8Array): void {
    if (bytes.length <= LARGEST_FRAME && bytes.length <= this.#window && bytes.length <= this.#windowOf(stream)) {
      this.#sent(stream, bytes.length);
      this.#outbox.frame(frame.DATA, flag.END_STREAM, stream.id, bytes);
      this.#done(stream);
    } else {
      this.#unsent.set(stream, { bytes, at: 0 });
      this.pump();
    }
  }

  forget(stream: S): void {
    this.#unsent.delete(stream);
  }

  widen(by: number): void {
    this.#window += by;
    if (this.#window > LARGEST_WINDOW) throw new Http2Error(errorCode.FLOW_CONTROL_ERROR, 'the window of the connection is too large');
    this.pump();
  }

  /** Gives whether that is still a window. */
  widenStream(stream: S, by: number): boolean {
    stream.credit += by;
    if (this.#windowOf(stream) > LARGEST_WINDOW) return false;
    if (this.#unsent.has(stream)) this.pump();
    return true;
  }

  /** The window with which each stream begins, and by whose change those that stand change too. */
  set initial(window: number) {
    if (window > LARGEST_WINDOW) throw new Http2Error(errorCode.FLOW_CONTROL_ERROR, 'a window is too large');
    this.#initial = window;
    this.pump();
  }

  /** A frame of each in turn, until all is out, or no more may be. */
  pump(): void {
    for (let wrote = this.#unsent.size > 0; wrote && this.#window > 0; ) {
      wrote = false;
      for (const [stream, unsent] of [...this.#unsent]) {
        if (this.#outbox.backlog > MOST_BACKLOG) return;
        wrote = this.#sendPiece(stream, unsent) || wrote;
      }
    }
  }

  #sendPiece(stream: S, unsent: Unsent): boolean {
    const { bytes, at } = unsent;
    const length = Math.min(bytes.length - at, LARGEST_FRAME, this.#window, this.#windowOf(stream));
    if (length <= 0) return false;
    unsent.at += length;
    const isLast = unsent.at === bytes.length;
    this.#sent(stream, length);
    this.#outbox.frame(frame.DATA, isLast ? flag.END_STREAM : 0, stream.id, bytes, at, unsent.at);
    if (isLast) {
      this.#unsent.delete(stream);
      this.#done(stream);
    }
    return true;
  }

  #windowOf(stream: S): number {
    return this.#initial + stream.credit;
  }

  #sent(stream: S, length: number): void {
    this.#window -= length;
    stream.credit -= length;
  }
}
