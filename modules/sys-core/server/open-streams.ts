import { Code, ConnectError } from '@connectrpc/connect';
import type { AccessRequest, Decision, Principal } from '@mainstay/kernel';
import { errors } from '../errors.ts';

interface OpenStream {
  request: AccessRequest;
  lost: (error: Error) => void;
}

interface Means {
  /** The principal as it stands now; throws if its session or key holds no more. */
  renewed: (principal: Principal) => Promise<Principal>;
  decide: (request: AccessRequest) => Decision;
}

/** Streams are asked about this often without a reason: what ended elsewhere, or by time, is noticed then. */
const everyMilliseconds = 15_000;
const atOnce = 20;
const refusals = [Code.Unauthenticated, Code.PermissionDenied, Code.NotFound];

/** The streams that are open, each ended when its caller would not be let in any more. */
export class OpenStreams {
  readonly #means: Means;
  readonly #open = new Set<OpenStream>();
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;
  #again = false;

  constructor(means: Means) {
    this.#means = means;
  }

  /** Watches over a stream until the function that it gives is called. */
  add(request: AccessRequest, lost: (error: Error) => void): () => void {
    const stream = { request, lost };
    this.#open.add(stream);
    this.#timer ??= setInterval(() => this.check(), everyMilliseconds).unref();
    return () => {
      this.#open.delete(stream);
      if (this.#open.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Looks at every open stream afresh; asked for meanwhile, once more afterwards. */
  check(): void {
    if (this.#open.size === 0) return;
    this.#again = true;
    this.#checking ??= this.#checkAll().finally(() => (this.#checking = undefined));
  }

  async #checkAll(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const streams = [...this.#open];
      for (let at = 0; at < streams.length; at += atOnce) await Promise.all(streams.slice(at, at + atOnce).map((stream) => this.#checkOne(stream)));
    }
  }

  async #checkOne({ request, lost }: OpenStream): Promise<void> {
    try {
      const principal = await this.#means.renewed(request.principal);
      if (orgOf(principal) !== orgOf(request.principal)) throw errors.ORG_NOT_FOUND({ orgId: orgOf(request.principal) ?? '' });
      const decision = this.#means.decide({ ...request, principal });
      if (!decision.allowed) throw errors.ACCESS_LOST({ because: decision.because });
    } catch (error) {
      // Whether the caller may go on is not known while the answer can not be had.
      if (refusals.includes(ConnectError.from(error).code)) lost(error as Error);
    }
  }
}

const orgOf = (principal: Principal): string | undefined => (principal.kind === 'anonymous' ? undefined : principal.orgId);
