import { Code, ConnectError } from '@connectrpc/connect';
import { Few } from './few.ts';

/** Timers of Node count milliseconds in 31 bits; a deadline beyond, 24 days, is none. */
const LONGEST_TIMER = 2 ** 31 - 1;

const deadlineExceeded = () => new ConnectError('the operation timed out', Code.DeadlineExceeded);

/** Made once: each error has a stack. */
const theyLeft = new DOMException('the caller left', 'AbortError');

type Listener = (() => void) | { handleEvent(): void };

/**
 * Tells the in-process transport that a caller left. It stands in for an AbortSignal, whose making and watching cost
 * more than a local call; nothing but the transport may be given it.
 */
export class LeavingCaller {
  aborted = false;
  reason: unknown;
  readonly #told = new Few<Listener>();

  leave(reason: unknown = theyLeft): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.#told.take()) typeof listener === 'function' ? listener() : listener.handleEvent();
  }

  addEventListener(_type: 'abort', listener: Listener): void {
    this.#told.add(listener);
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    this.#told.delete(listener);
  }

  get signal(): AbortSignal {
    return this as unknown as AbortSignal;
  }
}

/** Throws if the caller is gone, or its deadline has passed, before anything begins. */
export function refuseIfGone(signal: AbortSignal | undefined, timeoutMs: number | undefined): void {
  if (signal?.aborted) throw ConnectError.from(signal.reason, Code.Canceled);
  if (timeoutMs !== undefined && timeoutMs <= 0) throw deadlineExceeded();
}

/** Those with a deadline and without a timer yet: most calls within a process are over before anything else could happen. */
const fresh = new Few<CallerWatch>();
let scheduled: NodeJS.Immediate | undefined;

function startTimers(): void {
  scheduled = undefined;
  for (const watch of fresh.take()) watch.startTimer();
}

/** Until it is stopped, `leave` is called once the caller aborts or the deadline, by `performance.now()`, passes. */
export class CallerWatch {
  readonly #signal: AbortSignal | undefined;
  readonly #deadline: number | undefined;
  readonly #leave: (error: ConnectError) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(signal: AbortSignal | undefined, deadline: number | undefined, leave: (error: ConnectError) => void) {
    this.#signal = signal;
    this.#deadline = deadline;
    this.#leave = leave;
    // The watch is its own listener: one object a call.
    signal?.addEventListener('abort', this);
    if (deadline === undefined) return;
    scheduled ??= setImmediate(startTimers);
    fresh.add(this);
  }

  handleEvent(): void {
    this.#leave(ConnectError.from(this.#signal!.reason, Code.Canceled));
  }

  startTimer(): void {
    const left = this.#deadline! - performance.now();
    if (left <= LONGEST_TIMER) this.#timer = setTimeout(() => this.#leave(deadlineExceeded()), Math.max(1, left));
  }

  stop(): void {
    this.#signal?.removeEventListener('abort', this);
    if (this.#deadline === undefined) return;
    if (this.#timer) clearTimeout(this.#timer);
    else fresh.delete(this);
  }
}

/** Why the handler's signal is aborted: what it may know of the caller's reason, over any wire. */
export const reasonForHandler = (error: ConnectError) => (error.code === Code.DeadlineExceeded ? deadlineExceeded() : new ConnectError('the caller left', Code.Canceled));

/** Why a call is over, by what its signal tells: it is stopped, its time is over, or its caller left, however it did that. */
export function whyOver({ reason }: AbortSignal): ConnectError {
  const error = ConnectError.from(reason, Code.Canceled);
  return error.code === Code.Unavailable ? error : reasonForHandler(error);
}

/** Lets promises through until it shuts; those that wait then fail at once, and later ones too. */
export class Gate {
  #shut = false;
  #reason: unknown;
  readonly #waiting = new Set<(reason: unknown) => void>();

  shut(reason: unknown): void {
    if (this.#shut) return;
    this.#shut = true;
    this.#reason = reason;
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
  }

  pass<T>(promise: Promise<T>): Promise<T> {
    const { promise: passed, resolve, reject } = Promise.withResolvers<T>();
    if (this.#shut) reject(this.#reason);
    else this.#waiting.add(reject);
    promise.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    return passed;
  }
}
