import { AsyncLocalStorage } from 'node:async_hooks';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import { peerHeaderBytes } from '../http/header-bytes.ts';
import { connectionError } from './remote-error.ts';
import { secureOptions, type PeerTls } from './peer-tls.ts';

const CONNECT_MILLISECONDS = 5000;
/** A connection is asked so often whether it still stands, and has so long to answer. */
const PING_MILLISECONDS = 10_000;
const PONG_MILLISECONDS = 5000;
/** What all streams of a connection may have on their way together. Node's own limit, 10, is that of few. */
const MOST_MEGABYTES = 4096;

/** The connection belongs to no call, though one of them opens it. */
const outside = AsyncLocalStorage.snapshot();

/**
 * The HTTP/2 connection to a peer, opened anew when it is gone. The library's own one takes its listeners off too early: an
 * error of a connection that ended while the next was opened would end the process.
 */
export class PeerSession {
  readonly authority: string;
  readonly #tls: PeerTls | undefined;
  #opening: Promise<ClientHttp2Session> | undefined;
  readonly #all = new Set<ClientHttp2Session>();
  #isClosed = false;

  constructor(authority: string, tls: PeerTls | undefined) {
    this.authority = authority;
    this.#tls = tls;
  }

  /** Rejects with an error that says that nothing ran, if there is no connection. */
  async connect(): Promise<void> {
    await this.#open();
  }

  async request(method: string, path: string, headers: OutgoingHttpHeaders): Promise<ClientHttp2Stream> {
    for (;;) {
      const session = await this.#open();
      // The peer may have said good-bye since.
      if (isUsable(session)) return session.request({ ...headers, ':method': method, ':path': path });
    }
  }

  /** Reading is no sign of life that is needed here: the connection is asked for one. */
  notifyResponseByteRead(): void {}

  close(): void {
    this.#isClosed = true;
    for (const session of this.#all) session.destroy();
  }

  #open(): Promise<ClientHttp2Session> {
    if (this.#isClosed) return Promise.reject(connectionError(new Error('this process no longer calls it'), false));
    return (this.#opening ??= outside(() => this.#connect()));
  }

  #connect(): Promise<ClientHttp2Session> {
    const session = connect(this.authority, { maxSessionMemory: MOST_MEGABYTES, maxSendHeaderBlockLength: peerHeaderBytes, ...(this.#tls && secureOptions(this.#tls)) });
    this.#all.add(session);
    const opened = new Promise<ClientHttp2Session>((resolve, reject) => {
      let cause = new Error('the connection ended');
      const tooLate = setTimeout(() => session.destroy(new Error(`it took more than ${CONNECT_MILLISECONDS} ms to connect`)), CONNECT_MILLISECONDS);
      session.on('error', (error: Error) => (cause = error));
      session.once('connect', () => {
        clearTimeout(tooLate);
        resolve(session);
      });
      session.once('close', () => {
        clearTimeout(tooLate);
        reject(connectionError(cause, false));
      });
    });
    const forget = () => {
      if (this.#opening === opened) this.#opening = undefined;
    };
    session.once('goaway', () => (forget(), session.close())).once('close', () => (forget(), this.#all.delete(session)));
    askForLife(session);
    return opened;
  }
}

const isUsable = (session: ClientHttp2Session): boolean => !session.closed && !session.destroyed;

/** Cuts a connection whose other end is gone without a word. */
function askForLife(session: ClientHttp2Session): void {
  const asking = setInterval(() => {
    if (session.destroyed || session.connecting) return;
    const silence = setTimeout(() => session.destroy(new Error('the connection no longer stands'), constants.NGHTTP2_CANCEL), PONG_MILLISECONDS).unref();
    session.ping(() => clearTimeout(silence));
  }, PING_MILLISECONDS).unref();
  session.once('close', () => clearInterval(asking));
}
