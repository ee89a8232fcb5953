/** Frames of HTTP/2 (RFC 9113 §6), for tests that send what no library would. */
export const frameTypes = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8, continuation: 9 } as const;

export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type: number, flag: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flag;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Four bytes, as codes and increments are written. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A setting: its number and its value. */
export const setting = (id: number, value: number): Buffer => Buffer.concat([Buffer.from([id >> 8, id & 255]), word(value)]);

/** An integer of HPACK (RFC 7541 §5.1) with the bits above its prefix. */
function integer(value: number, prefix: number, above = 0): Buffer {
  const most = 2 ** prefix - 1;
  if (value < most) return Buffer.from([above | value]);
  const bytes = [above | most];
  for (value -= most; value >= 128; value >>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

const text = (value: string) => Buffer.concat([integer(value.length, 7), Buffer.from(value, 'latin1')]);

/** A header that is written out, and kept in the dynamic table if `kept`. */
export const literal = (name: string, value: string, kept = false): Buffer => Buffer.concat([Buffer.from([kept ? 0x40 : 0]), text(name), text(value)]);

/** A header that stands in the table. */
export const indexed = (index: number): Buffer => integer(index, 7, 0x80);

/** The headers of a request. */
export const requestHeaders = (path: string, more: Record<string, string> = {}, method = 'GET'): Buffer =>
  Buffer.concat(Object.entries({ ':method': method, ':scheme': 'http', ':path': path, ':authority': 'a', ...more }).map(([name, value]) => literal(name, value)));
