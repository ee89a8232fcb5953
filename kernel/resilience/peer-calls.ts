import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { bulkhead, BrokenCircuitError, BulkheadRejectedError, circuitBreaker, CircuitState, ExponentialBackoff, handleWhen, retry, SamplingBreaker, type BulkheadPolicy, type CircuitBreakerPolicy } from 'cockatiel';
import { markNotRun } from '../remote/not-run.ts';
import type { CallSettings } from './calls-config.ts';
import { isFailureOfPeer, mayRepeat } from './may-repeat.ts';
import type { PeerCounts } from './peer-standing.ts';
import { resilienceErrors } from './resilience-errors.ts';
import { RetryBudget } from './retry-budget.ts';

/** One call to another process, which may be tried several times. */
export interface RepeatedCall {
  method: DescMethod;
  idempotencyKey?: string | undefined;
  /** When its caller has left, it is not repeated. */
  signal?: { readonly aborted: boolean } | undefined;
  /** How long its caller waits, in milliseconds; as long as the settings say if absent. */
  timeoutMs?: number | undefined;
}

/** Makes a call; it has so many milliseconds left. */
export type Attempt<T> = (timeoutMs: number | undefined) => Promise<T>;

/** An answer that says no: for the policies it is as good as any. */
class Refusal {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** The calls to one process: how many at once, how often again, and whether at all. */
export class PeerCalls {
  readonly counts: PeerCounts = { retries: 0, unaffordable: 0, timeouts: 0, refusedBusy: 0, refusedFailing: 0, opened: 0 };
  readonly #peer: string;
  #settings: Readonly<CallSettings>;
  #breaker: CircuitBreakerPolicy;
  #bulkhead: BulkheadPolicy;
  #budget: RetryBudget;

  constructor(peer: string, settings: Readonly<CallSettings>) {
    this.#peer = peer;
    this.#settings = settings;
    this.#breaker = this.#newBreaker();
    this.#bulkhead = bulkhead(settings.mostAtOnce);
    this.#budget = newBudget(settings);
  }

  /** From the next call on. Only what changed begins anew. */
  configure(settings: Readonly<CallSettings>): void {
    const before = this.#settings;
    this.#settings = settings;
    if (differ(before.breaker, settings.breaker)) this.#breaker = this.#newBreaker();
    if (before.mostAtOnce !== settings.mostAtOnce) this.#bulkhead = bulkhead(settings.mostAtOnce);
    if (differ(before.retries, settings.retries)) this.#budget = newBudget(settings);
  }

  get underWay(): number {
    return this.#settings.mostAtOnce - this.#bulkhead.executionSlots;
  }

  get breakerState(): 'closed' | 'open' | 'half-open' {
    const { state } = this.#breaker;
    return state === CircuitState.Closed ? 'closed' : state === CircuitState.HalfOpen ? 'half-open' : 'open';
  }

  /** Makes a unary call. */
  unary<T>(call: RepeatedCall, attempt: Attempt<T>): Promise<T> {
    return this.#guarded(() => this.#repeated(call, attempt));
  }

  /** Opens a stream: it is never opened twice, and may last. */
  stream<T>(open: () => Promise<T>): Promise<T> {
    return this.#guarded(open);
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    let outcome: T | Refusal;
    try {
      outcome = await this.#breaker.execute(() => this.#bulkhead.execute(() => outcomeOf(work)));
    } catch (error) {
      throw this.#told(error);
    }
    if (outcome instanceof Refusal) throw outcome.error;
    return outcome;
  }

  async #repeated<T>(call: RepeatedCall, attempt: Attempt<T>): Promise<T> {
    const { timeoutMs = this.#settings.timeoutSeconds * 1000 } = call;
    const deadline = performance.now() + timeoutMs;
    this.#budget.called();
    try {
      return await attempt(timeoutMs);
    } catch (error) {
      if (mayRepeat(error, call.method, call.idempotencyKey)) return await this.#again(call, attempt, deadline, error);
      throw error;
    }
  }

  /** The first time has failed already, which the policy hears as its first attempt. */
  #again<T>(call: RepeatedCall, attempt: Attempt<T>, deadline: number, first: unknown): Promise<T> {
    const { most, firstPauseMs, longestPauseMs } = this.#settings.retries;
    let left = most;
    const wanted = (error: unknown) => left-- > 0 && mayRepeat(error, call.method, call.idempotencyKey) && !call.signal?.aborted && performance.now() < deadline && this.#affords();
    const policy = retry(handleWhen(wanted), { maxAttempts: most, backoff: new ExponentialBackoff({ initialDelay: firstPauseMs, maxDelay: longestPauseMs }) });
    return policy.execute(({ attempt: number }) => (number === 0 ? Promise.reject(first as Error) : attempt(deadline - performance.now())));
  }

  #affords(): boolean {
    const affordable = this.#budget.take();
    this.counts[affordable ? 'retries' : 'unaffordable']++;
    return affordable;
  }

  #told(error: unknown): unknown {
    if (error instanceof BrokenCircuitError) {
      this.counts.refusedFailing++;
      return markNotRun(resilienceErrors.PEER_FAILING({ peer: this.#peer }));
    }
    if (error instanceof BulkheadRejectedError) {
      this.counts.refusedBusy++;
      return markNotRun(resilienceErrors.PEER_BUSY({ peer: this.#peer, limit: this.#settings.mostAtOnce }));
    }
    if (error instanceof ConnectError && error.code === Code.DeadlineExceeded) this.counts.timeouts++;
    return error;
  }

  #newBreaker(): CircuitBreakerPolicy {
    const { failuresPercent, leastCalls, windowSeconds, openMs } = this.#settings.breaker;
    const breaker = circuitBreaker(handleWhen(isFailureOfPeer), {
      breaker: new SamplingBreaker({ threshold: failuresPercent / 100, duration: windowSeconds * 1000, minimumRps: leastCalls / windowSeconds }),
      halfOpenAfter: openMs,
    });
    breaker.onBreak(() => this.counts.opened++);
    return breaker;
  }
}

async function outcomeOf<T>(work: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    if (isFailureOfPeer(error)) throw error;
    return new Refusal(error);
  }
}

const newBudget = ({ retries: { budgetPercent, spare } }: Readonly<CallSettings>) => new RetryBudget(budgetPercent / 100, spare);
const differ = (one: object, other: object): boolean => JSON.stringify(one) !== JSON.stringify(other);
