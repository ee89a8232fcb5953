import type { Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { abortError } from '../data/database-errors.ts';
import { defineErrors } from '../errors/define-errors.ts';

const answerErrors = defineErrors('kernel', {
  ANSWERS_NOT_READ: ['Aborted', 'nothing was done, since the answers were not read for {seconds} seconds; read them as they come'],
});

/** Answers that wait for their reader may come to so many bytes before the command waits too. */
const MOST_WAITING = 256 * 1024;
/** How long it waits: PostgreSQL ends a transaction in which nothing happens for a minute. */
const LONGEST_WAIT_MILLISECONDS = 30_000;

/**
 * The answers of a command that streams, on their way to its caller. A slow reader does not hold its transaction open before
 * 256 KiB wait. The last answer waits for the commit: who has all of them knows that the command took effect.
 */
export class HeldAnswers {
  readonly #waiting: { message: Message; bytes: number }[] = [];
  #bytes = 0;
  #wereRead = false;
  #isOver = false;
  #callerLeft = false;
  #changed = Promise.withResolvers<void>();
  readonly #signal: AbortSignal | undefined;

  readonly #longestWait: number;

  /** `signal` is aborted when the caller has left or its time is over. A reader may take nothing for `longestWait`, in milliseconds. */
  constructor(signal?: AbortSignal, longestWait = LONGEST_WAIT_MILLISECONDS) {
    this.#signal = signal;
    this.#longestWait = longestWait;
    signal?.addEventListener('abort', this.leave, { once: true });
  }

  /** The caller has some of them. */
  get wereRead(): boolean {
    return this.#wereRead;
  }

  /** Adds an answer of so many bytes when there is room; throws if nobody wants it any more, and `ANSWERS_NOT_READ`. */
  async add(message: Message, bytes: number): Promise<void> {
    // One answer alone is held back until it is known whether another follows, however long it is.
    while (this.#bytes > MOST_WAITING && this.#waiting.length > 1 && !this.#callerLeft) await this.#someRead();
    this.requireCaller();
    this.#waiting.push({ message, bytes });
    this.#bytes += bytes;
    this.#tell();
  }

  /** Nobody wants the answers any more: the command learns of it at once, whatever its reader waits for. */
  readonly leave = (): void => {
    this.#callerLeft = true;
    this.#tell();
  };

  /** Throws `CANCELED` if the caller has left, or `DEADLINE_EXCEEDED`. */
  requireCaller(): void {
    if (this.#signal?.aborted) throw abortError(this.#signal);
    if (this.#callerLeft) throw new ConnectError('the caller left', Code.Canceled);
  }

  /** Takes back what the caller does not have yet. */
  takeBack(): void {
    this.#waiting.length = this.#bytes = 0;
  }

  /** Gives the answers while `command` runs, and the last when it has ended well; throws what it throws. */
  async *until(command: Promise<void>): AsyncGenerator<Message> {
    const over = () => {
      this.#isOver = true;
      this.#tell();
    };
    command.then(over, over);
    try {
      for (;;) {
        if (this.#isOver) break;
        if (this.#waiting.length > 1) yield this.#take();
        else await this.#changed.promise;
      }
      await command;
      while (this.#waiting.length > 0) yield this.#take();
    } finally {
      this.#signal?.removeEventListener('abort', this.leave);
      this.leave();
      await command.catch(() => {});
    }
  }

  async #someRead(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(answerErrors.ANSWERS_NOT_READ({ seconds: this.#longestWait / 1000 })), this.#longestWait);
    try {
      await Promise.race([this.#changed.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #take(): Message {
    const { message, bytes } = this.#waiting.shift()!;
    this.#bytes -= bytes;
    this.#wereRead = true;
    this.#tell();
    return message;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
