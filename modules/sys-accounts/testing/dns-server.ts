import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** DNS (RFC 1035), which answers questions for TXT records as a test says. */
export interface DnsServer {
  /** Where it is, such as `127.0.0.1:40123`. */
  readonly address: string;
  /** The texts of each name; names that are not here do not exist. */
  readonly texts: Map<string, string[]>;
  /** Names for which it fails: says that it can not answer, or nothing at all. */
  readonly failing: Map<string, 'refuses' | 'is silent'>;
  close(): void;
}

const nameError = 3;
const serverFailure = 2;

/** Starts one on a free port. */
export async function startDnsServer(): Promise<DnsServer> {
  const [texts, failing] = [new Map<string, string[]>(), new Map<string, 'refuses' | 'is silent'>()];
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    const { name, question } = questionOf(query);
    if (failing.get(name) === 'is silent') return;
    const records = failing.has(name) ? [] : (texts.get(name) ?? []).map(recordOf);
    const code = failing.has(name) ? serverFailure : texts.has(name) ? 0 : nameError;
    socket.send(Buffer.concat([headOf(query, code, records.length), question, ...records]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  // The run ends though nobody closed it.
  socket.unref();
  return { address: `127.0.0.1:${socket.address().port}`, texts, failing, close: () => socket.close() };
}

/** The one question of a query: the name as it is written, and the bytes. */
function questionOf(query: Buffer): { name: string; question: Buffer } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), question: query.subarray(12, at + 5) };
}

/** The head of the answer: it is one, with recursion, and has so many records. */
function headOf(query: Buffer, code: number, records: number): Buffer {
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records, 6);
  return head;
}

/** A TXT record of the name in the question, in pieces of at most 255 bytes. */
function recordOf(text: string): Buffer {
  const bytes = Buffer.from(text);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 255) || 1 }, (_, at) => bytes.subarray(at * 255, (at + 1) * 255));
  const data = Buffer.concat(pieces.flatMap((piece) => [Buffer.from([piece.length]), piece]));
  const head = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
