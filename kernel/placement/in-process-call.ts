import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError, type ContextValues, type HandlerContext } from '@connectrpc/connect';
import { callKey, peerKey } from '../guard/call.ts';
import { CallValues } from './call-values.ts';
import { LeavingCaller } from './caller-leaving.ts';
import { ReceivedHeaders } from './received-headers.ts';

/** Why the signal of a call that ended well is aborted. Made once: without a reason each abort makes an error with a stack. */
const callIsOver = new ConnectError('the call is over', Code.Canceled);

/** What `new Headers` takes. Those that were received belong to this call alone; others are copied. */
export type RequestHeader = ConstructorParameters<typeof Headers>[0];

/**
 * What a handler sees of a call from its own process. Headers, values and the signal are made when first asked
 * for: each costs more than the rest of the call. Read its properties, never spread it.
 */
export class InProcessCall implements HandlerContext {
  readonly protocolName = 'in-process';
  readonly requestMethod = 'POST';
  readonly method: DescMethod;
  /** When the answer is no longer wanted, by `performance.now()`. */
  readonly deadline: number | undefined;
  readonly #callerValues: ContextValues | undefined;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #sentHeader: Headers | undefined;
  #sentTrailer: Headers | undefined;
  #values: ContextValues | undefined;
  #controller: AbortController | undefined;
  #leaving: LeavingCaller | undefined;
  #over = false;
  #reason: unknown;

  constructor(method: DescMethod, timeoutMs: number | undefined, header: RequestHeader | undefined, values: ContextValues | undefined) {
    this.method = method;
    this.deadline = timeoutMs === undefined ? undefined : (values?.get(callKey)?.deadline ?? performance.now() + timeoutMs);
    this.#requestHeader = header instanceof ReceivedHeaders ? header : header && new Headers(header);
    this.#callerValues = values;
  }

  get service() {
    return this.method.parent;
  }

  get url() {
    return `in-process:///${this.method.parent.typeName}/${this.method.name}`;
  }

  get requestHeader() {
    return (this.#requestHeader ??= new Headers());
  }

  get responseHeader() {
    return (this.#responseHeader ??= new Headers());
  }

  get responseTrailer() {
    return (this.#responseTrailer ??= new Headers());
  }

  /** The caller's identity and address cross; its other values stay on its side, as on a wire. */
  get values() {
    return (this.#values ??= new CallValues(this.#callerValues?.get(callKey), this.#callerValues?.get(peerKey)));
  }

  get signal() {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#over) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** What calls made on this call's behalf watch; costs less than the signal. */
  get leaving(): LeavingCaller {
    if (!this.#leaving) {
      this.#leaving = new LeavingCaller();
      if (this.#over) this.#leaving.leave(this.#reason);
    }
    return this.#leaving;
  }

  get timeoutMs() {
    return () => (this.deadline === undefined ? undefined : this.deadline - performance.now());
  }

  /** What the caller gets, of what the handler had set when the headers and the trailers went out. */
  get sentHeader() {
    return (this.#sentHeader ??= new Headers());
  }

  /** The same, or nothing if the handler set none: to make them costs more than a local call. */
  get sentHeaderIfAny() {
    return this.#sentHeader;
  }

  get sentTrailer() {
    return (this.#sentTrailer ??= new Headers());
  }

  get sentTrailerIfAny() {
    return this.#sentTrailer;
  }

  /** Headers go out with the first message, or with the end. */
  sendHeader(): void {
    this.#sentHeader ??= this.#responseHeader && new Headers(this.#responseHeader);
  }

  /** The call is over, well or, for a reason, badly: the handler's signal tells what still runs. */
  end(reason?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#reason = reason ?? callIsOver;
    this.sendHeader();
    this.#sentTrailer ??= this.#responseTrailer && new Headers(this.#responseTrailer);
    this.#controller?.abort(this.#reason);
    this.#leaving?.leave(this.#reason);
  }
}
