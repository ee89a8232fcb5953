import type { DescMessage, DescMethodStreaming, MessageInitShape } from '@bufbuild/protobuf';
import { ConnectError, type StreamResponse, type Transport } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { CallerWatch } from '../placement/caller-leaving.ts';
import { markNotRun, notRunHeader } from './not-run.ts';
import { PeerSession } from './peer-session.ts';
import type { PeerTls } from './peer-tls.ts';

/** Timers of Node count milliseconds in 31 bits; a deadline beyond, 24 days, is none. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Streams to another process: Connect's own transport on one HTTP/2 connection, which is asked now and then whether it still stands. */
export class PeerStreams {
  readonly #session: PeerSession;
  readonly #transport: Transport;

  constructor(host: string, mostBytes: number, tls: PeerTls | undefined) {
    const baseUrl = `${tls ? 'https' : 'http'}://${host}`;
    this.#session = new PeerSession(baseUrl, tls);
    this.#transport = createConnectTransport({ baseUrl, httpVersion: '2', sessionManager: this.#session, useBinaryFormat: true, acceptCompression: [], readMaxBytes: mostBytes, writeMaxBytes: mostBytes });
  }

  async open<I extends DescMessage, O extends DescMessage>(method: DescMethodStreaming<I, O>, signal: AbortSignal | undefined, timeoutMs: number | undefined, headers: Record<string, string>, input: AsyncIterable<MessageInitShape<I>>): Promise<StreamResponse<I, O>> {
    await this.#session.connect();
    try {
      return await this.#transport.stream(method, standardSignal(signal), timeoutMs !== undefined && timeoutMs <= LONGEST_TIMER ? Math.max(1, Math.ceil(timeoutMs)) : undefined, headers, input);
    } catch (error) {
      // The requests of the others are used up, so that they could not be sent again.
      throw method.methodKind === 'server_streaming' && error instanceof ConnectError && error.metadata.has(notRunHeader) ? markNotRun(error) : error;
    }
  }

  close(): void {
    this.#session.close();
  }
}

/** What only the kernel's transports may watch, as everybody may. */
function standardSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (!signal || signal instanceof AbortSignal) return signal;
  const controller = new AbortController();
  new CallerWatch(signal, undefined, (error) => controller.abort(error));
  return controller.signal;
}
