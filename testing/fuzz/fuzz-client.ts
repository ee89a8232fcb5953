import { connect, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { gunzipSync } from 'node:zlib';
import { Pool } from 'undici';
import type { FuzzRequest } from './damaged-request.ts';

export interface FuzzAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  trailers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** Whoever waits longer is left hanging. */
const hangsAfterMs = 20_000;

/** Sends requests over connections that are kept: HTTP/1.1, and HTTP/2 for gRPC. */
export class FuzzClient {
  readonly #address: string;
  readonly #pool: Pool;
  #session: ClientHttp2Session | undefined;

  constructor(address: string) {
    this.#address = address;
    this.#pool = new Pool(address, { connections: 64, pipelining: 1, headersTimeout: hangsAfterMs, bodyTimeout: hangsAfterMs });
  }

  async send(request: FuzzRequest): Promise<FuzzAnswer> {
    const { verb, path, headers, body } = request;
    const answer = await this.#pool.request({ method: verb as 'GET', path, headers, body: body ?? null });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    return { status: answer.statusCode, headers: answer.headers, trailers: answer.trailers, body: answer.headers['content-encoding'] === 'gzip' && bytes.length > 0 ? gunzipSync(bytes) : bytes };
  }

  /** The same over HTTP/2. Once more if the whole connection went, which is not about this one request. */
  async sendByHttp2(request: FuzzRequest, again = true): Promise<FuzzAnswer> {
    const session = this.#connected();
    try {
      return await onSession(session, request);
    } catch (error) {
      if (!again || !(session.closed || session.destroyed)) throw error;
      return this.sendByHttp2(request, false);
    }
  }

  async close(): Promise<void> {
    this.#session?.destroy();
    await this.#pool.destroy();
  }

  #connected(): ClientHttp2Session {
    if (!this.#session || this.#session.closed || this.#session.destroyed) this.#session = connect(this.#address).on('error', () => {});
    return this.#session;
  }
}

function onSession(session: ClientHttp2Session, { verb, path, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<FuzzAnswer>();
  const stream = session.request({ ...headers, ':method': verb, ':path': path } as OutgoingHttpHeaders, { endStream: body === undefined });
  const chunks: Buffer[] = [];
  let got: IncomingHttpHeaders | undefined;
  let trailers: IncomingHttpHeaders = {};
  stream.on('response', (received) => (got = received)).on('trailers', (received) => (trailers = received)).on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', reject).on('close', () => (got ? resolve({ status: Number(got[':status']), headers: got, trailers, body: Buffer.concat(chunks) }) : reject(new Error(`the stream was closed with code ${stream.rstCode} and without an answer`))));
  stream.setTimeout(hangsAfterMs, () => stream.destroy(new Error('the answer does not come')));
  if (body) stream.end(body);
  return promise;
}
