import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { codecOf } from '../codec/codec-of.ts';
import { callKey } from '../guard/call.ts';
import { callTimeout } from '../http/call-timeout.ts';
import { httpErrors } from '../http/http-errors.ts';
import { CallValues } from '../placement/call-values.ts';
import { callerError } from '../placement/caller-error.ts';
import { CallerWatch, reasonForHandler } from '../placement/caller-leaving.ts';
import { InProcessCall } from '../placement/in-process-call.ts';
import { ReceivedHeaders } from '../placement/received-headers.ts';
import type { ServedMethod } from '../placement/served-method.ts';
import type { PeerServerOptions } from './peer-server-options.ts';
import { readBody } from './read-body.ts';
import { writerOf } from './writer-of.ts';

/** A unary method as the internal port serves it. */
export interface UnaryMethod {
  served: ServedMethod;
  read: (bytes: Uint8Array) => Message;
  write: (answer: object) => Uint8Array;
}

export const unaryMethod = (served: ServedMethod): UnaryMethod => ({ served, read: codecOf(served.method.input).fromBinary as UnaryMethod['read'], write: writerOf(served.method.output) });

const nothingLeftOut = () => false;
/** What the protocol and the connection say, and no handler. */
const reserved = new Set(['connection', 'content-encoding', 'content-length', 'content-type', 'date', 'keep-alive', 'trailer', 'transfer-encoding', 'upgrade']);

/** One unary call that came in Connect's binary form over HTTP/1.1, until its answer is out or nobody waits for it. */
export class UnaryAnswer {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** The connection ends with the answer. */
  readonly #isLast: () => boolean;
  #call: InProcessCall | undefined;
  #watch: CallerWatch | undefined;
  #over = false;

  constructor(request: IncomingMessage, response: ServerResponse, isLast: () => boolean) {
    this.#request = request;
    this.#response = response;
    this.#isLast = isLast;
    response.once('close', () => this.#leave(new ConnectError('the caller left', Code.Canceled)));
  }

  async run({ served, read, write }: UnaryMethod, { arrive, bodyLimitBytes }: Pick<PeerServerOptions, 'arrive' | 'bodyLimitBytes'>): Promise<void> {
    try {
      const header = new ReceivedHeaders(this.#request.headers, nothingLeftOut);
      const values = new CallValues(undefined);
      const call = (this.#call = new InProcessCall(served.method, callTimeout(this.#request.headers), header, values));
      this.#watch = call.deadline === undefined ? undefined : new CallerWatch(undefined, call.deadline, (error) => this.#leave(error));
      const arrived = arrive(header, served.method);
      values.set(callKey, arrived instanceof Promise ? await arrived : arrived);
      const answer = await served.handle(parsed(read, await readBody(this.#request, bodyLimitBytes)), call);
      if (!this.#over) this.#send(200, 'application/proto', write(answer as object), call);
    } catch (error) {
      if (!this.#over) this.#refuse(error, served);
    }
  }

  /** Who called left, or its time is over: the handler is told, and is not waited for. */
  #leave(error: ConnectError): void {
    if (this.#over) return;
    if (error.code === Code.DeadlineExceeded) this.#refuse(error);
    this.#end();
    this.#call?.end(reasonForHandler(error));
  }

  #refuse(thrown: unknown, served?: ServedMethod): void {
    const call = (this.#call ??= new InProcessCall(served!.method, undefined, undefined, undefined));
    const error = callerError(thrown, call);
    this.#end();
    const headers: string[] = [];
    addHeaders(headers, error.metadata, '');
    this.#write(codeToHttpStatus(error.code), 'application/json', errorToJsonBytes(error, undefined), headers);
  }

  #send(status: number, contentType: string, body: Uint8Array, call: InProcessCall): void {
    call.end();
    this.#end();
    const headers: string[] = [];
    const [header, trailer] = [call.sentHeaderIfAny, call.sentTrailerIfAny];
    if (header) addHeaders(headers, header, '');
    if (trailer) addHeaders(headers, trailer, 'trailer-');
    this.#write(status, contentType, body, headers);
  }

  #write(status: number, contentType: string, body: Uint8Array, headers: string[]): void {
    if (this.#response.destroyed) return;
    headers.push('content-type', contentType, 'content-length', String(body.length));
    headers.push('connection', this.#isLast() || !this.#request.complete ? 'close' : 'keep-alive');
    this.#response.sendDate = false;
    this.#response.writeHead(status, headers).end(body);
  }

  #end(): void {
    this.#over = true;
    this.#watch?.stop();
  }
}

function addHeaders(fields: string[], headers: Headers, prefix: string): void {
  headers.forEach((value, name) => {
    if (!reserved.has(name)) fields.push(prefix + name, value);
  });
}

function parsed(read: UnaryMethod['read'], body: Uint8Array): Message {
  try {
    return read(body);
  } catch (error) {
    throw httpErrors.MALFORMED_MESSAGE({ problem: (error as Error).message });
  }
}
