/** The numbers of RFC 9113 that both ends use. */
export const frame = { DATA: 0, HEADERS: 1, PRIORITY: 2, RST_STREAM: 3, SETTINGS: 4, PUSH_PROMISE: 5, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8, CONTINUATION: 9 } as const;

export const flag = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

export const errorCode = {
  NO_ERROR: 0, PROTOCOL_ERROR: 1, INTERNAL_ERROR: 2, FLOW_CONTROL_ERROR: 3, STREAM_CLOSED: 5, FRAME_SIZE_ERROR: 6, REFUSED_STREAM: 7, CANCEL: 8,
  COMPRESSION_ERROR: 9, ENHANCE_YOUR_CALM: 11, HTTP_1_1_REQUIRED: 13,
} as const;

export const setting = { HEADER_TABLE_SIZE: 1, ENABLE_PUSH: 2, MAX_CONCURRENT_STREAMS: 3, INITIAL_WINDOW_SIZE: 4, MAX_FRAME_SIZE: 5, MAX_HEADER_LIST_SIZE: 6 } as const;

/**
 * A setting of a number that is free for experiments, which others ignore (RFC 9113 §6.5.2). Whoever connects with it sends nothing
 * but unary calls in Connect's binary form, and takes `HTTP_1_1_REQUIRED` for an answer.
 */
export const UNARY_CALLS_ALONE = 0xf3a7;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const FRAME_HEAD = 9;
/** The largest payload of a frame that either end takes: what the standard begins with. */
export const LARGEST_FRAME = 16_384;
export const LARGEST_WINDOW = 2 ** 31 - 1;
export const FIRST_WINDOW = 65_535;

/** The other end broke the protocol: the connection is over, for the reason that the standard has for it. */
export class Http2Error extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The bytes of a frame of SETTINGS. */
export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const bytes = Buffer.alloc(FRAME_HEAD + settings.length * 6);
  writeFrameHead(bytes, 0, settings.length * 6, frame.SETTINGS, 0, 0);
  settings.forEach(([id, value], at) => {
    bytes.writeUInt16BE(id, FRAME_HEAD + at * 6);
    bytes.writeUInt32BE(value, FRAME_HEAD + at * 6 + 2);
  });
  return bytes;
}

export function writeFrameHead(bytes: Uint8Array, at: number, length: number, type: number, flags: number, stream: number): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes[at + 5] = stream >>> 24;
  bytes[at + 6] = stream >>> 16;
  bytes[at + 7] = stream >>> 8;
  bytes[at + 8] = stream;
}

export const readUint32 = (bytes: Uint8Array, at: number): number => ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
