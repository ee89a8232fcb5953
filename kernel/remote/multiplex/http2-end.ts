import type { Socket } from 'node:net';
import { peerHeaderBytes } from '../../http/header-bytes.ts';
import { TokenBucket } from '../../telemetry/token-bucket.ts';
import { BodySender } from './body-sender.ts';
import { FrameReader } from './frame-reader.ts';
import { errorCode, FIRST_WINDOW, flag, frame, Http2Error, readUint32, setting, settingsFrame } from './frames.ts';
import { HeaderDecoder } from './header-decoder.ts';
import { HeaderEncoder } from './header-encoder.ts';
import { Outbox } from './outbox.ts';
import type { StreamState } from './stream-state.ts';

/** What each end keeps of what the other says, in bytes. */
const TABLE_BYTES = 64 * 1024;
const MOST_HEADER_BYTES = peerHeaderBytes;
const LONGEST_BLOCK = 2 * MOST_HEADER_BYTES;
/** How much may be on its way to here: of one body, and of all. What came is kept elsewhere at once. */
const STREAM_WINDOW = 1024 * 1024;
const CONNECTION_WINDOW = 16 * 1024 * 1024;
/** How long the other end may take to close, in milliseconds. */
const CLOSING_MILLISECONDS = 1000;
/** Nobody needs so many frames that carry nothing, in a second. */
const IDLE_FRAMES = 10_000;

interface Block {
  stream: number;
  isLast: boolean;
  parts: Buffer[];
  size: number;
}

const protocolError = (problem: string) => new Http2Error(errorCode.PROTOCOL_ERROR, problem);

/** One end of an HTTP/2 connection (RFC 9113) for calls of one message each way: what is the same for whoever calls and whoever answers. */
export abstract class Http2End<S extends StreamState> {
  protected readonly socket: Socket;
  protected readonly outbox: Outbox;
  protected readonly encoder = new HeaderEncoder();
  protected readonly sender: BodySender<S>;
  /** The calls that are under way, by number. */
  protected readonly streams = new Map<number, S>();
  /** What the other end allows. */
  protected mostStreams = Infinity;
  protected mostHeaderBytes = Infinity;
  readonly #decoder = new HeaderDecoder(TABLE_BYTES, MOST_HEADER_BYTES);
  readonly #reader: FrameReader;
  readonly #idle = new TokenBucket(IDLE_FRAMES);
  #block: Block | undefined;
  #taken = 0;
  #hasSettings = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.outbox = new Outbox(socket, () => this.sender.pump());
    this.sender = new BodySender(this.outbox, (stream) => this.bodySent(stream));
    this.#reader = new FrameReader((type, flags, stream, bytes, from, to) => this.#frame(type, flags, stream, bytes, from, to));
    socket.on('drain', () => this.sender.pump());
  }

  /** A block of headers came; `list` is undefined where it is too long, or holds what no header may. */
  protected abstract headersCame(id: number, list: string[] | undefined, isLast: boolean): void;
  /** Part of a body came, which is only lent; its size is counted already. */
  protected abstract dataCame(stream: S, bytes: Buffer, isLast: boolean): void;
  protected abstract resetCame(stream: S, code: number): void;
  protected abstract goodbyeCame(lastStream: number): void;
  protected abstract settingsCame(): void;
  protected abstract bodySent(stream: S): void;
  /** Numbers of streams that the other end never began. */
  protected abstract isIdle(id: number): boolean;

  /** Takes bytes of the connection; throws `Http2Error` where they are not HTTP/2. */
  protected read(bytes: Buffer): void {
    this.#reader.read(bytes);
  }

  protected greet(settings: readonly (readonly [id: number, value: number])[]): void {
    this.outbox.raw(settingsFrame([[setting.HEADER_TABLE_SIZE, TABLE_BYTES], [setting.INITIAL_WINDOW_SIZE, STREAM_WINDOW], [setting.MAX_HEADER_LIST_SIZE, MOST_HEADER_BYTES], ...settings]));
    this.outbox.numbers(frame.WINDOW_UPDATE, 0, CONNECTION_WINDOW - FIRST_WINDOW);
  }

  protected reset(stream: S, code: number): void {
    this.forget(stream);
    this.outbox.numbers(frame.RST_STREAM, stream.id, code);
  }

  protected forget(stream: S): void {
    this.streams.delete(stream.id);
    this.sender.forget(stream);
  }

  protected sayGoodbye(lastStream: number, code: number = errorCode.NO_ERROR): void {
    this.outbox.numbers(frame.GOAWAY, 0, lastStream, code);
    this.outbox.flush();
  }

  protected close(): void {
    this.outbox.flush();
    this.socket.end();
    setTimeout(() => this.socket.destroy(), CLOSING_MILLISECONDS).unref();
  }

  protected ping(): void {
    this.outbox.frame(frame.PING, 0, 0, Buffer.alloc(8));
  }

  #frame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (!this.#hasSettings && (type !== frame.SETTINGS || (flags & flag.ACK) !== 0)) throw protocolError('the connection does not begin with settings');
    if (this.#block && (type !== frame.CONTINUATION || id !== this.#block.stream)) throw protocolError('a block of headers is interrupted');
    switch (type) {
      case frame.DATA: return this.#data(flags, id, bytes, from, to);
      case frame.HEADERS: return this.#headers(flags, id, bytes, from, to);
      case frame.CONTINUATION: return this.#continuation(flags, bytes, from, to);
      case frame.RST_STREAM: return this.#resetOf(id, bytes, from, to);
      case frame.SETTINGS: return this.#settings(flags, id, bytes, from, to);
      case frame.PING: return this.#pingOf(flags, id, bytes, from, to);
      case frame.GOAWAY: return this.#goodbye(id, bytes, from, to);
      case frame.WINDOW_UPDATE: return this.#widen(id, bytes, from, to);
      case frame.PUSH_PROMISE: throw protocolError('nothing may be pushed');
      default: this.#countIdle();
    }
  }

  #data(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id === 0 || this.isIdle(id)) throw protocolError('a body came for no call');
    const length = to - from;
    const isLast = (flags & flag.END_STREAM) !== 0;
    if (length === 0 && !isLast) this.#countIdle();
    this.#took(length);
    const stream = this.streams.get(id);
    const content = unpadded(flags, bytes, from, to);
    if (!stream) return;
    stream.taken += length;
    if (stream.taken > STREAM_WINDOW) throw new Http2Error(errorCode.FLOW_CONTROL_ERROR, 'more came of a body than was allowed');
    if (stream.taken > STREAM_WINDOW / 2 && !isLast) {
      this.outbox.numbers(frame.WINDOW_UPDATE, id, stream.taken);
      stream.taken = 0;
    }
    stream.size += content.length;
    this.dataCame(stream, content, isLast);
  }

  #took(length: number): void {
    this.#taken += length;
    if (this.#taken > CONNECTION_WINDOW) throw new Http2Error(errorCode.FLOW_CONTROL_ERROR, 'more came than was allowed');
    if (this.#taken <= CONNECTION_WINDOW / 2) return;
    this.outbox.numbers(frame.WINDOW_UPDATE, 0, this.#taken);
    this.#taken = 0;
  }

  #headers(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id === 0) throw protocolError('headers came for no call');
    const padding = (flags & flag.PADDED) !== 0 ? bytes[from++]! : 0;
    if ((flags & flag.PRIORITY) !== 0) from += 5;
    if (from + padding > to) throw protocolError('a frame is all padding');
    to -= padding;
    const isLast = (flags & flag.END_STREAM) !== 0;
    if ((flags & flag.END_HEADERS) !== 0) return this.headersCame(id, this.#decoder.decode(bytes, from, to), isLast);
    this.#block = { stream: id, isLast, parts: [Buffer.from(bytes.subarray(from, to))], size: to - from };
  }

  #continuation(flags: number, bytes: Buffer, from: number, to: number): void {
    const block = this.#block;
    if (!block) throw protocolError('headers go on that did not begin');
    block.parts.push(Buffer.from(bytes.subarray(from, to)));
    block.size += to - from;
    if (from === to) this.#countIdle();
    if (block.size > LONGEST_BLOCK) throw new Http2Error(errorCode.ENHANCE_YOUR_CALM, 'a block of headers is too long');
    if ((flags & flag.END_HEADERS) === 0) return;
    this.#block = undefined;
    this.headersCame(block.stream, this.#decoder.decode(Buffer.concat(block.parts), 0, block.size), block.isLast);
  }

  #resetOf(id: number, bytes: Buffer, from: number, to: number): void {
    requireLength(to - from, 4);
    if (id === 0 || this.isIdle(id)) throw protocolError('a call is given up that did not begin');
    this.#countIdle();
    const stream = this.streams.get(id);
    if (!stream) return;
    this.forget(stream);
    this.resetCame(stream, readUint32(bytes, from));
  }

  #settings(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) throw protocolError('settings are those of a connection');
    if ((flags & flag.ACK) !== 0) return requireLength(to - from, 0);
    if ((to - from) % 6 !== 0) throw new Http2Error(errorCode.FRAME_SIZE_ERROR, 'settings are cut off');
    this.#countIdle();
    for (let at = from; at < to; at += 6) this.#set(bytes.readUInt16BE(at), readUint32(bytes, at + 2));
    this.outbox.frame(frame.SETTINGS, flag.ACK, 0, bytes, to, to);
    this.#hasSettings = true;
    this.settingsCame();
  }

  #set(id: number, value: number): void {
    if (id === setting.HEADER_TABLE_SIZE) this.encoder.resize(Math.min(value, TABLE_BYTES));
    else if (id === setting.MAX_CONCURRENT_STREAMS) this.mostStreams = value;
    else if (id === setting.INITIAL_WINDOW_SIZE) this.sender.initial = value;
    else if (id === setting.MAX_HEADER_LIST_SIZE) this.mostHeaderBytes = value;
  }

  #pingOf(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    requireLength(to - from, 8);
    if (id !== 0) throw protocolError('a ping is that of a connection');
    if ((flags & flag.ACK) !== 0) return;
    this.#countIdle();
    this.outbox.frame(frame.PING, flag.ACK, 0, bytes, from, to);
  }

  #goodbye(id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0 || to - from < 8) throw protocolError('a good-bye is that of a connection');
    this.goodbyeCame(readUint32(bytes, from) & 0x7fff_ffff);
  }

  #widen(id: number, bytes: Buffer, from: number, to: number): void {
    requireLength(to - from, 4);
    const by = readUint32(bytes, from) & 0x7fff_ffff;
    if (by === 0 || (id !== 0 && this.isIdle(id))) throw protocolError('a window is widened by nothing, or for no call');
    if (id === 0) return this.sender.widen(by);
    const stream = this.streams.get(id);
    if (stream && !this.sender.widenStream(stream, by)) throw new Http2Error(errorCode.FLOW_CONTROL_ERROR, 'a window is too large');
  }

  #countIdle(): void {
    if (!this.#idle.take()) throw new Http2Error(errorCode.ENHANCE_YOUR_CALM, 'too many frames carry nothing');
  }
}

function unpadded(flags: number, bytes: Buffer, from: number, to: number): Buffer {
  if ((flags & flag.PADDED) === 0) return bytes.subarray(from, to);
  const padding = from < to ? bytes[from]! + 1 : Infinity;
  if (padding > to - from) throw protocolError('a frame is all padding');
  return bytes.subarray(from + 1, to - padding + 1);
}

function requireLength(length: number, wanted: number): void {
  if (length !== wanted) throw new Http2Error(errorCode.FRAME_SIZE_ERROR, 'a frame has a length that it can not have');
}
