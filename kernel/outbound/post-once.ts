import type { IncomingMessage } from 'node:http';
import { currentTime } from '../data/current-time.ts';
import { redactText } from '../telemetry/redact-text.ts';
import { askOutside, whatHappened, type Resolve } from './ask-outside.ts';

export interface Post {
  url: string;
  headers: Record<string, string>;
  body: string;
  /** For all of it: finding the address, sending, and the answer. */
  timeoutMilliseconds: number;
  /** Only to addresses of the public internet, over https. */
  strict: boolean;
  /** Gives it up. */
  signal?: AbortSignal;
  /** The system's if absent. */
  resolve?: Resolve;
}

/** What came of sending. */
export interface PostResult {
  /** 0 if nothing was answered. */
  status: number;
  /** Why it was not taken; empty if it was. */
  problem: string;
  /** The beginning of the answer. */
  excerpt: string;
  milliseconds: number;
  /** For how long the answer asks to be left alone. */
  retryAfterSeconds?: number;
}

/** As much of an answer is read. */
const MOST_BYTES = 4096;
const MOST_CHARACTERS = 500;

/**
 * Posts once, over a connection of its own to an address that was checked just before: what the host's name meant
 * earlier or means afterwards is not asked. Redirections are not followed. Never throws.
 */
export async function postOnce(post: Post): Promise<PostResult> {
  const began = performance.now();
  const took = () => Math.round(performance.now() - began);
  const enough = AbortSignal.timeout(post.timeoutMilliseconds);
  const signal = post.signal ? AbortSignal.any([post.signal, enough]) : enough;
  try {
    const answer = await askOutside({ ...post, method: 'POST', signal });
    const status = answer.statusCode ?? 0;
    const excerpt = await beginningOf(answer);
    return { status, problem: problemOf(status), excerpt, milliseconds: took(), ...retryAfter(answer.headers['retry-after']) };
  } catch (error) {
    return { status: 0, problem: enough.aborted ? `no answer within ${post.timeoutMilliseconds / 1000} seconds` : whatHappened(error), excerpt: '', milliseconds: took() };
  }
}

async function beginningOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer) {
      chunks.push(chunk as Buffer);
      if ((bytes += (chunk as Buffer).length) >= MOST_BYTES) break;
    }
  } catch {
    // The status says whether it was taken, however slowly the rest comes.
  } finally {
    answer.destroy();
  }
  const text = Buffer.concat(chunks).subarray(0, MOST_BYTES).toString();
  return redactText(text.replace(/[\p{Cc}\p{Cs}]+/gu, ' ')).slice(0, MOST_CHARACTERS);
}

function problemOf(status: number): string {
  if (status >= 200 && status < 300) return '';
  return status >= 300 && status < 400 ? `it answered ${status}, and redirections are not followed` : `it answered ${status}`;
}

/** Seconds, or a date (RFC 9110 §10.2.3). */
function retryAfter(text: string | undefined): Pick<PostResult, 'retryAfterSeconds'> {
  if (text === undefined) return {};
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (Date.parse(text) - currentTime().getTime()) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterSeconds: Math.ceil(seconds) } : {};
}
