import { Code, ConnectError } from '@connectrpc/connect';

/** Timers of Node count milliseconds in 31 bits; a deadline beyond, 24 days, is none. */
const LONGEST_TIMER = 2 ** 31 - 1;

export const deadlineExceeded = () => new ConnectError('the operation timed out', Code.DeadlineExceeded);

/** Made once: each error has a stack. */
const theyLeft = new DOMException('the caller left', 'AbortError');

/**
 * Tells the in-process transport that a caller left. It stands in for an AbortSignal, whose making and watching cost
 * more than a local call; nothing but the transport may be given it.
 */
export class LeavingCaller {
  aborted = false;
  reason: unknown;
  #told: Set<() => void> | undefined;

  leave(reason: unknown = theyLeft): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.#told ?? []) listener();
    this.#told = undefined;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    (this.#told ??= new Set()).add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#told?.delete(listener);
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

/** Calls `leave` once the caller aborts or its deadline passes. Returns how to stop watching. */
export function onCallerLeaving(signal: AbortSignal | undefined, timeoutMs: number | undefined, leave: (error: ConnectError) => void): () => void {
  const deadline = timeoutMs === undefined || timeoutMs > LONGEST_TIMER ? undefined : new Deadline(timeoutMs, leave);
  const aborted = () => leave(ConnectError.from(signal!.reason, Code.Canceled));
  signal?.addEventListener('abort', aborted, { once: true });
  return () => {
    deadline?.stop();
    signal?.removeEventListener('abort', aborted);
  };
}

/** Deadlines without a timer yet: most calls within a process are over before anything else could happen. */
const fresh = new Set<Deadline>();
let scheduled: NodeJS.Immediate | undefined;

function startTimers(): void {
  scheduled = undefined;
  for (const deadline of fresh) deadline.start();
  fresh.clear();
}

class Deadline {
  readonly #at: number;
  readonly #leave: (error: ConnectError) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number, leave: (error: ConnectError) => void) {
    this.#at = performance.now() + timeoutMs;
    this.#leave = leave;
    scheduled ??= setImmediate(startTimers);
    fresh.add(this);
  }

  start(): void {
    this.#timer = setTimeout(() => this.#leave(deadlineExceeded()), this.#at - performance.now());
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    else fresh.delete(this);
  }
}

/** Why the handler's signal is aborted: what it may know of the caller's reason, over any wire. */
export const reasonForHandler = (error: ConnectError) => (error.code === Code.DeadlineExceeded ? deadlineExceeded() : new ConnectError('the caller left', Code.Canceled));

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
