import type { DescMessage, DescMethod, DescMethodStreaming, DescMethodUnary, MessageInitShape } from '@bufbuild/protobuf';
import type { ContextValues, StreamResponse, Transport, UnaryResponse } from '@connectrpc/connect';
import { codecOf } from '../codec/codec-of.ts';
import { callKey, type Call } from '../guard/call.ts';
import { refuseIfGone } from '../placement/caller-leaving.ts';
import type { RequestHeader } from '../placement/in-process-call.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Multiplex } from './multiplex/multiplex.ts';
import type { PeerTls } from './peer-tls.ts';
import { PeerStreams } from './peer-streams.ts';
import { addGiven, headStart, pathOf, requireFit, timeoutText } from './request-head.ts';
import { UnaryExchange, type CalledMethod } from './unary-exchange.ts';
import { writerOf } from './writer-of.ts';

export interface RemoteTransportOptions {
  /** Where the peer listens, such as `http://127.0.0.1:4501`. */
  address: string;
  /** Adds the headers that say on whose behalf the call is made. */
  depart: (call: Call | undefined, header: Record<string, string>, method: DescMethod) => void;
  /** Shown to the peer, and asked of it; plain TCP if absent. */
  tls?: PeerTls;
  /** The largest answer, in bytes; 256 MiB if absent. */
  mostBytes?: number;
  /** Requests beyond so many wait for one of the others to end; if absent, 256 of those that have a connection of their own, and of the others as many as the peer takes. */
  connections?: number;
}

const CONNECTIONS = 256;

/**
 * Calls another process by the Connect protocol: unary calls all on one HTTP/2 connection, those that are large over kept-alive
 * HTTP/1.1, one at a time on a connection, and streams by the stock transport over HTTP/2. Nothing is compressed.
 */
export class RemoteTransport implements Transport {
  readonly #carriers: { pool: ConnectionPool; multiplex: Multiplex };
  readonly #streams: PeerStreams;
  readonly #depart: RemoteTransportOptions['depart'];
  readonly #host: string;
  readonly #known = new WeakMap<DescMethod, CalledMethod>();

  constructor({ address, depart, tls, mostBytes = 256 * 1024 * 1024, connections }: RemoteTransportOptions) {
    const { hostname, host, port } = new URL(address);
    this.#host = host;
    this.#depart = depart;
    const at = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80), mostBytes, ...(tls && { tls }) };
    const multiplex = new Multiplex(at, host, connections ?? Infinity, (exchange) => (exchange as UnaryExchange).beginAlone());
    this.#carriers = { pool: new ConnectionPool(at, connections ?? CONNECTIONS), multiplex };
    this.#streams = new PeerStreams(host, mostBytes, tls);
  }

  unary<I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, signal: AbortSignal | undefined, timeoutMs: number | undefined, header: RequestHeader, input: MessageInitShape<I>, values?: ContextValues): Promise<UnaryResponse<I, O>> {
    return new Promise<unknown>((resolve, reject) => {
      refuseIfGone(signal, timeoutMs);
      const called = this.#methodOf(method);
      const body = called.write(input);
      const headers = this.#headers(method, header, timeoutText(timeoutMs), values);
      requireFit(headers);
      const exchange = new UnaryExchange(called, headers, body, this.#carriers, resolve, reject);
      exchange.begin();
      exchange.watch(signal, timeoutMs);
    }) as Promise<UnaryResponse<I, O>>;
  }

  async stream<I extends DescMessage, O extends DescMessage>(method: DescMethodStreaming<I, O>, signal: AbortSignal | undefined, timeoutMs: number | undefined, header: RequestHeader, input: AsyncIterable<MessageInitShape<I>>, values?: ContextValues): Promise<StreamResponse<I, O>> {
    refuseIfGone(signal, timeoutMs);
    return this.#streams.open(method, signal, timeoutMs, this.#headers(method, header, undefined, values), input);
  }

  /** Ends every connection; calls that are under way fail. */
  async close(): Promise<void> {
    this.#carriers.multiplex.close();
    this.#carriers.pool.close();
    this.#streams.close();
  }

  #headers(method: DescMethod, given: RequestHeader, timeout: string | undefined, values: ContextValues | undefined): Record<string, string> {
    const headers: Record<string, string> = {};
    addGiven(headers, given);
    if (timeout !== undefined) headers['connect-timeout-ms'] = timeout;
    this.#depart(values?.get(callKey), headers, method);
    return headers;
  }

  #methodOf(method: DescMethod): CalledMethod {
    let known = this.#known.get(method);
    if (!known) this.#known.set(method, (known = calledMethod(method, this.#host)));
    return known;
  }
}

function calledMethod(method: DescMethod, host: string): CalledMethod {
  const path = pathOf(method);
  return { method, path, headStart: headStart(path, host), write: writerOf(method.input), output: codecOf(method.output) };
}
