import type { IncomingMessage } from 'node:http';
import { askOutside, Refused, whatHappened, type Question } from './ask-outside.ts';

export interface Fetch extends Omit<Question, 'signal'> {
  /** For all of it: finding the address, asking, and the whole answer. */
  timeoutMilliseconds: number;
  /** An answer that is longer is refused. */
  mostBytes: number;
  /** Gives it up. */
  signal?: AbortSignal | undefined;
}

/** Another system could not be asked, or did not answer as it should; the message says why, without a secret. */
export class OutsideFailed extends Error {
  override name = 'OutsideFailed';
}

/** Asks another system as `fetch` does, but as `askOutside` lets it, and reads its whole answer. Throws `OutsideFailed`. */
export async function fetchOutside({ timeoutMilliseconds, mostBytes, signal: given, ...question }: Fetch): Promise<Response> {
  const enough = AbortSignal.timeout(timeoutMilliseconds);
  const signal = given ? AbortSignal.any([given, enough]) : enough;
  try {
    const answer = await askOutside({ ...question, signal });
    const body = await wholeOf(answer, mostBytes);
    const status = answer.statusCode ?? 0;
    // Those that may have no body.
    return new Response(status === 204 || status === 205 || status === 304 ? null : body, { status, headers: headersOf(answer) });
  } catch (error) {
    throw new OutsideFailed(enough.aborted ? `no answer within ${timeoutMilliseconds / 1000} seconds` : whatHappened(error));
  }
}

async function wholeOf(answer: IncomingMessage, mostBytes: number): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).length;
      if (bytes > mostBytes) throw new Refused(`its answer is longer than ${mostBytes} bytes`);
      chunks.push(chunk as Buffer);
    }
  } finally {
    answer.destroy();
  }
  return Buffer.concat(chunks);
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  return headers;
}
