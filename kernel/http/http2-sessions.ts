import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import { TokenBucket } from '../telemetry/token-bucket.ts';
import type { Reader } from './unread-answers.ts';

/** An HTTP/2 connection without calls is closed after this; gRPC clients open another when they need it. */
const idleMs = 10 * 60_000;
/** A piece of a body below this many bytes costs more to receive than it carries. */
const smallPiece = 32;
/** Each connection may send so many small pieces in a second. */
const smallPiecesPerSecond = 10_000;

/** The HTTP/2 connections of a port and the requests open on them, of which there may be `mostOpen` in all; where that is infinite, nothing is limited. */
export class Http2Sessions {
  readonly #mostOpen: number;
  readonly #streamsOf = new Map<ServerHttp2Session, Set<ServerHttp2Stream>>();
  #open = 0;

  constructor(server: Http2Server, mostOpen: number) {
    this.#mostOpen = mostOpen;
    server.on('session', (session) => this.#watch(session));
  }

  /** Those without a request. */
  *resting(): Generator<ServerHttp2Session> {
    for (const [session, streams] of this.#streamsOf) if (streams.size === 0) yield session;
  }

  *readers(): Generator<Reader> {
    for (const [session, streams] of this.#streamsOf) yield { unreadBytes: () => streams.values().reduce((sum, stream) => sum + stream.writableLength, 0), cut: () => session.destroy() };
  }

  /** Lets none of them begin another request. */
  close(): void {
    for (const session of this.#streamsOf.keys()) session.close();
  }

  destroy(): void {
    for (const session of this.#streamsOf.keys()) session.destroy();
  }

  #watch(session: ServerHttp2Session): void {
    const streams = new Set<ServerHttp2Stream>();
    this.#streamsOf.set(session, streams);
    const small = new TokenBucket(smallPiecesPerSecond);
    session.on('stream', (stream) => {
      streams.add(stream);
      this.#open++;
      stream.once('close', () => streams.delete(stream) && this.#open--);
      if (this.#mostOpen !== Infinity) limitSmallPieces(stream, small, () => this.#cut(session));
      if (this.#open > this.#mostOpen) this.#cut(this.#fullest());
    });
    session.setTimeout(idleMs, () => {
      if (streams.size === 0) session.close();
    });
    session.on('error', () => session.destroy()).once('close', () => this.#streamsOf.delete(session));
  }

  #fullest(): ServerHttp2Session {
    let [fullest] = this.#streamsOf.keys();
    for (const [session, streams] of this.#streamsOf) if (streams.size > this.#streamsOf.get(fullest!)!.size) fullest = session;
    return fullest!;
  }

  /** Its requests count no longer at once: Node closes them only later, when more have come. */
  #cut(session: ServerHttp2Session): void {
    const streams = this.#streamsOf.get(session);
    this.#open -= streams?.size ?? 0;
    streams?.clear();
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

/** Node hands each DATA frame to `push`, all of a packet one after the other, and nothing else runs meanwhile. */
function limitSmallPieces(stream: ServerHttp2Stream, bucket: TokenBucket, exceeded: () => void): void {
  const push = stream.push;
  stream.push = (piece: Buffer | null, encoding) => {
    if (piece !== null && piece.length < smallPiece && !bucket.take()) {
      exceeded();
      return false;
    }
    return push.call(stream, piece, encoding);
  };
}
