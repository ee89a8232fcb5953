import { create } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import type { ConnectError } from '@connectrpc/connect';
import { RetryInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { errors } from '../../errors.ts';
import { Gcra, type Rate } from './gcra.ts';

export type LimitName = 'address' | 'account' | 'key' | 'login';

const whose: Record<LimitName, string> = { address: 'from one address', account: 'of one account', key: 'with one API key', login: 'to log in or register from one address' };

/**
 * A limit, and who has used how much of it. Each of several instances of the gateway lets its part through, so that all of them
 * together never let through more, and none asks another for it.
 */
export class RateLimit {
  readonly name: LimitName;
  readonly rate: Rate;
  /** What this instance lets through in `rate.seconds`. */
  readonly share: number;
  /** As `RateLimit-Policy` has it (draft-ietf-httpapi-ratelimit-headers). */
  readonly policy: string;
  readonly #counted: Gcra;

  constructor(name: LimitName, rate: Rate, instances: number) {
    this.name = name;
    this.rate = rate;
    this.share = rate.requests / instances;
    this.policy = `"${name}";q=${Math.max(1, Math.floor(this.share))};w=${rate.seconds}`;
    this.#counted = new Gcra({ requests: this.share, seconds: rate.seconds }, performance.now());
  }

  get callers(): number {
    return this.#counted.callers;
  }

  /** Counts a request of a caller, and tells them what is left to them. Throws `RATE_LIMITED`, with RetryInfo. */
  take(caller: string, setHeader: (name: string, value: string) => void): void {
    const { allowed, remaining, resetMs, waitMs } = this.#counted.take(caller, performance.now());
    setHeader('ratelimit', `"${this.name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`);
    if (!allowed) throw this.#refusal(Math.max(1, Math.ceil(waitMs / 1000)));
  }

  #refusal(wait: number): ConnectError {
    const error = errors.RATE_LIMITED({ ...this.rate, whose: whose[this.name], wait });
    error.details.push({ desc: RetryInfoSchema, value: { retryDelay: create(DurationSchema, { seconds: BigInt(wait) }) } });
    return error;
  }
}
