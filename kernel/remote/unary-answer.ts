import type { DescMethod, Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { codecOf } from '../codec/codec-of.ts';
import { callKey, type Call } from '../guard/call.ts';
import { callTimeout } from '../http/call-timeout.ts';
import { httpErrors } from '../http/http-errors.ts';
import { CallValues } from '../placement/call-values.ts';
import { callerError } from '../placement/caller-error.ts';
import { CallerWatch, reasonForHandler } from '../placement/caller-leaving.ts';
import { InProcessCall } from '../placement/in-process-call.ts';
import { ReceivedHeaders } from '../placement/received-headers.ts';
import type { ServedMethod } from '../placement/served-method.ts';
import { writerOf } from './writer-of.ts';

/** A unary method as the internal port serves it. */
export interface UnaryMethod {
  served: ServedMethod;
  read: (bytes: Uint8Array) => Message;
  write: (answer: object) => Uint8Array;
}

export const unaryMethod = (served: ServedMethod): UnaryMethod => ({ served, read: codecOf(served.method.input).fromBinary as UnaryMethod['read'], write: writerOf(served.method.output) });

/** Sends the answer; `lines` are further headers. */
export type Respond = (status: number, contentType: string, lines: string, body: Uint8Array) => void;
type Arrive = (header: Headers, method: DescMethod) => Call | Promise<Call>;

const nothingLeftOut = () => false;
const callerLeft = new ConnectError('the caller left', Code.Canceled);

/** One unary call in Connect's binary form, from its headers until its answer is out or nobody waits for it. */
export class UnaryAnswer {
  readonly #method: UnaryMethod;
  readonly #respond: Respond;
  readonly #values = new CallValues(undefined);
  readonly #call: InProcessCall;
  readonly #watch: CallerWatch | undefined;
  #arrived: Call | Promise<Call> | undefined;
  #over = false;

  /** Answers at once if nobody knows who calls; throws `kernel.MALFORMED_HEADER`. */
  constructor(method: UnaryMethod, headers: Readonly<Record<string, string>>, arrive: Arrive, respond: Respond) {
    this.#method = method;
    this.#respond = respond;
    const header = new ReceivedHeaders(headers, nothingLeftOut);
    this.#call = new InProcessCall(method.served.method, callTimeout(headers), header, this.#values);
    this.#watch = this.#call.deadline === undefined ? undefined : new CallerWatch(undefined, this.#call.deadline, (error) => this.#leave(error));
    try {
      this.#arrived = arrive(header, method.served.method);
      // A refusal is told when the body has come.
      if (this.#arrived instanceof Promise) this.#arrived.catch(() => {});
    } catch (error) {
      this.refuse(error);
    }
  }

  get isOver(): boolean {
    return this.#over;
  }

  async run(body: Uint8Array): Promise<void> {
    try {
      const arrived = this.#arrived!;
      this.#values.set(callKey, arrived instanceof Promise ? await arrived : arrived);
      const { served, read, write } = this.#method;
      const answer = await served.handle(parsed(read, body), this.#call);
      if (!this.#over) this.#send(write(answer as object));
    } catch (error) {
      this.refuse(error);
    }
  }

  /** The connection is gone. */
  leave(): void {
    this.#leave(callerLeft);
  }

  refuse(thrown: unknown): void {
    if (this.#over) return;
    const error = callerError(thrown, this.#call);
    this.#end();
    this.#respond(codeToHttpStatus(error.code), 'application/json', headerLines(error.metadata, ''), errorToJsonBytes(error, undefined));
  }

  /** Who called left, or its time is over: the handler is told, and is not waited for. */
  #leave(error: ConnectError): void {
    if (this.#over) return;
    if (error.code === Code.DeadlineExceeded) this.refuse(error);
    this.#end();
    this.#call.end(reasonForHandler(error));
  }

  #send(body: Uint8Array): void {
    const call = this.#call;
    call.end();
    this.#end();
    const [header, trailer] = [call.sentHeaderIfAny, call.sentTrailerIfAny];
    const lines = (header ? headerLines(header, '') : '') + (trailer ? headerLines(trailer, 'trailer-') : '');
    this.#respond(200, 'application/proto', lines, body);
  }

  #end(): void {
    this.#over = true;
    this.#watch?.stop();
  }
}

/** What the protocol and the connection say, and no handler. */
const reserved = new Set(['connection', 'content-encoding', 'content-length', 'content-type', 'date', 'keep-alive', 'trailer', 'transfer-encoding', 'upgrade']);

/** Headers of the standard hold nothing that would end a line. */
function headerLines(headers: Headers, prefix: string): string {
  let lines = '';
  headers.forEach((value, name) => {
    if (!reserved.has(name)) lines += `${prefix}${name}: ${value}\r\n`;
  });
  return lines;
}

function parsed(read: UnaryMethod['read'], body: Uint8Array): Message {
  try {
    return read(body);
  } catch (error) {
    throw httpErrors.MALFORMED_MESSAGE({ problem: (error as Error).message });
  }
}
