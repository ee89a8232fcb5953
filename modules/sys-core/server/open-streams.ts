import { Code, ConnectError } from '@connectrpc/connect';
import type { AccessRequest, Decision, Principal } from '@mainstay/kernel';
import { errors } from '../errors.ts';
import { ByIds } from './by-ids.ts';

interface OpenStream {
  request: AccessRequest;
  lost: (error: Error) => void;
  /** Its session or API key, and its account. */
  ids: readonly string[];
}

interface Means {
  /** The principal as it stands now; throws if its session or key holds no more. */
  renewed: (principal: Principal) => Promise<Principal>;
  decide: (request: AccessRequest) => Decision;
}

/** Streams are looked at this often without a reason: what ended elsewhere, or by time, is noticed then. */
const everyMilliseconds = 15_000;
const againMilliseconds = 1000;
const atOnce = 1000;
const refusals = [Code.Unauthenticated, Code.PermissionDenied, Code.NotFound];

/** The streams that are open, each ended when its caller would not be let in any more. */
export class OpenStreams {
  readonly #means: Means;
  readonly #open = new Set<OpenStream>();
  readonly #byId = new ByIds<OpenStream>();
  /** To be looked at, those first of which something is known to have changed. */
  readonly #concerned = new Set<OpenStream>();
  readonly #others = new Set<OpenStream>();
  /** Those of which nothing could be learnt. */
  readonly #unsure = new Set<OpenStream>();
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(means: Means) {
    this.#means = means;
  }

  /** Watches over a stream until the function that it gives is called. */
  add(request: AccessRequest, lost: (error: Error) => void): () => void {
    const { principal } = request;
    // Nothing that others do takes the right of those who have proved nothing.
    if (principal.kind !== 'account') return () => {};
    const stream = { request, lost, ids: [principal.sessionId, principal.accountId] };
    this.#open.add(stream);
    this.#byId.add(stream);
    this.#timer ??= setInterval(() => this.#lookAt(this.#open, this.#others), everyMilliseconds).unref();
    // It may have been let in by an answer from before a change that was over before it came here.
    this.#lookAt([stream], this.#concerned);
    return () => this.#remove(stream);
  }

  /** Looks afresh at the streams of these sessions, API keys and accounts. */
  changed(ids: Iterable<string>): void {
    this.#lookAt(this.#byId.of(ids), this.#concerned);
  }

  #remove(stream: OpenStream): void {
    for (const streams of [this.#open, this.#byId, this.#concerned, this.#others, this.#unsure]) streams.delete(stream);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #lookAt(streams: Iterable<OpenStream>, queue: Set<OpenStream>): void {
    for (const stream of streams) queue.add(stream);
    if (!this.#isLooking) void this.#look();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    for (let streams = this.#next(); streams.length > 0; streams = this.#next()) await Promise.all(streams.map((stream) => this.#lookAtOne(stream)));
    this.#isLooking = false;
  }

  #next(): OpenStream[] {
    const queue = this.#concerned.size > 0 ? this.#concerned : this.#others;
    const streams = [...queue.values().take(atOnce)];
    for (const stream of streams) queue.delete(stream);
    return streams;
  }

  async #lookAtOne(stream: OpenStream): Promise<void> {
    const { request, lost } = stream;
    try {
      const principal = await this.#means.renewed(request.principal);
      if (orgOf(principal) !== orgOf(request.principal)) throw errors.ORG_NOT_FOUND({ orgId: orgOf(request.principal) ?? '' });
      const decision = this.#means.decide({ ...request, principal });
      if (!decision.allowed) throw errors.ACCESS_LOST({ because: decision.because });
    } catch (error) {
      if (refusals.includes(ConnectError.from(error).code)) lost(error as Error);
      // Whether the caller may go on is not known while the answer can not be had.
      else this.#lookAgain(stream);
    }
  }

  #lookAgain(stream: OpenStream): void {
    if (this.#open.has(stream)) this.#unsure.add(stream);
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      this.#lookAt(this.#unsure, this.#concerned);
      this.#unsure.clear();
    }, againMilliseconds).unref();
  }
}

const orgOf = (principal: Principal): string | undefined => (principal.kind === 'anonymous' ? undefined : principal.orgId);
