import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { SocketMessage } from './frames-of.ts';

/** A frame of the server, as it came. */
export type AnswerFrame = Record<string, unknown>;

export interface SocketAnswer {
  /** What came in answer, in order, without the answers to the call that was made beside it. */
  frames: AnswerFrame[];
  /** The code with which the server closed the socket; absent if it is still open. */
  closed?: number;
}

/** Whoever waits longer is left hanging. */
const hangsAfterMs = 20_000;
/** For how long a call is waited for of which nobody knows whether it began. */
const graceMs = 100;

/** Sends cases over WebSockets that are kept, one case at a time on each; beside each goes a call that must succeed. */
export class FuzzSockets {
  readonly #url: string;
  readonly #probe: string;
  readonly #idle: Connection[] = [];
  #cases = 0;

  /** `probe` is the full name of a method that everybody may call without saying anything. */
  constructor(address: string, probe: string) {
    this.#url = `${address.replace('http', 'ws')}/v1/socket`;
    this.#probe = probe;
  }

  /** Sends what `write` makes of an id; `surely` tells whether the call by this id will be answered. */
  async send(write: (id: string) => readonly SocketMessage[], surely: boolean): Promise<SocketAnswer> {
    const connection = this.#idle.pop() ?? (await Connection.open(this.#url));
    const name = ++this.#cases;
    const answer = await connection.ask(write(`case ${name}`), { id: `case ${name}`, probe: { id: `probe ${name}`, call: this.#probe }, surely });
    if (answer.closed === undefined) this.#idle.push(connection);
    return answer;
  }

  close(): void {
    for (const connection of this.#idle) connection.close();
  }
}

interface Question {
  id: string;
  probe: { id: string; call: string };
  surely: boolean;
}

class Connection {
  readonly #socket: WebSocket;
  #frames: AnswerFrame[] = [];
  #closed: number | undefined;
  #wake = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => {
      this.#frames.push(isBinary ? { binary: true } : (JSON.parse(String(data)) as AnswerFrame));
      this.#wake();
    });
    socket.on('close', (code) => {
      this.#closed = code;
      this.#wake();
    });
  }

  static async open(url: string): Promise<Connection> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const connection = new Connection(socket);
    await once(socket, 'open', { signal: AbortSignal.timeout(hangsAfterMs) });
    return connection;
  }

  async ask(messages: readonly SocketMessage[], { id, probe, surely }: Question): Promise<SocketAnswer> {
    for (const message of messages) this.#send(message);
    this.#send({ parts: [Buffer.from(JSON.stringify(probe))], binary: false });
    const closed = () => this.#closed !== undefined;
    const ended = (by: unknown) => this.#frames.some((frame) => frame.id === by && isLast(frame));
    await this.#until(() => closed() || ended(probe.id), hangsAfterMs);
    await this.#until(() => closed() || ended(id) || ended(undefined), surely ? hangsAfterMs : graceMs);
    // A complaint may be about another frame than the one that begins the call.
    await this.#until(() => closed() || ended(id), graceMs);
    return this.#taken(id, probe.id);
  }

  close(): void {
    this.#socket.terminate();
  }

  #send({ parts, binary }: SocketMessage): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    parts.forEach((part, at) => {
      this.#socket.send(part, { binary, fin: at === parts.length - 1 });
      // A ping may come between the pieces of a message.
      if (at < parts.length - 1) this.#socket.ping();
    });
  }

  /** What came since, without what is late from the cases before. */
  #taken(id: string, probe: string): SocketAnswer {
    const frames = this.#frames.filter((frame) => frame.id === id || !/^(case|probe) \d+$/.test(String(frame.id)));
    const beside = this.#frames.filter((frame) => frame.id === probe);
    this.#frames = [];
    if (this.#closed !== undefined) return { frames, closed: this.#closed };
    if (!beside.some((frame) => 'end' in frame)) throw new Error(`the call beside it was answered with ${JSON.stringify(beside)}`);
    return { frames };
  }

  /** Waits until something holds; gives up in silence. */
  async #until(holds: () => boolean, forMs: number): Promise<void> {
    const end = performance.now() + forMs;
    while (!holds() && performance.now() < end) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, end - performance.now());
      await promise;
      clearTimeout(timer);
    }
  }
}

const isLast = (frame: AnswerFrame): boolean => 'end' in frame || 'error' in frame;
