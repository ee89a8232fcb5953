import { lookup as lookUp, type LookupAddress } from 'node:dns';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import { currentTime } from '../data/current-time.ts';
import { redactText } from '../telemetry/redact-text.ts';
import { isPublicAddress, literalAddress } from './public-address.ts';

/** Finds the addresses of a host. */
export type Resolve = (host: string) => Promise<LookupAddress[]>;

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

const ofSystem: Resolve = (host) => promisify(lookUp)(host, { all: true });

class Refused extends Error {
  override name = 'Refused';
}

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
    const answer = await ask(post, signal);
    const status = answer.statusCode ?? 0;
    const excerpt = await beginningOf(answer);
    return { status, problem: problemOf(status), excerpt, milliseconds: took(), ...retryAfter(answer.headers['retry-after']) };
  } catch (error) {
    return { status: 0, problem: enough.aborted ? `no answer within ${post.timeoutMilliseconds / 1000} seconds` : whatHappened(error), excerpt: '', milliseconds: took() };
  }
}

async function ask({ url: text, headers, body, strict, resolve = ofSystem }: Post, signal: AbortSignal): Promise<IncomingMessage> {
  const url = new URL(text);
  const literal = literalAddress(url);
  if (strict && url.protocol !== 'https:') throw new Refused('only addresses with https are called');
  if (strict && literal) requirePublic([literal]);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((fulfil, reject) => {
    const sending = request(url, { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) }, agent: false, lookup: checkedLookup(resolve, strict), signal }, fulfil);
    sending.on('error', reject);
    sending.end(body);
  });
}

/** Finds the addresses to connect to: of those of a host none may be forbidden. */
function checkedLookup(resolve: Resolve, strict: boolean): LookupFunction {
  return (host, { all }, done) => {
    const checked = resolve(host).then((addresses) => {
      if (strict) requirePublic(addresses.map(({ address }) => address));
      if (addresses.length === 0) throw new Refused('its name has no address');
      return addresses;
    });
    checked.then((addresses) => (all ? done(null, addresses) : done(null, addresses[0]!.address, addresses[0]!.family)), (error: NodeJS.ErrnoException) => done(error, '', 0));
  };
}

function requirePublic(addresses: readonly string[]): void {
  if (!addresses.every(isPublicAddress)) throw new Refused('its name stands for an address that is not of the public internet');
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

function whatHappened(error: unknown): string {
  if (error instanceof Refused) return error.message;
  const { code, message, cause } = error as NodeJS.ErrnoException;
  if (cause instanceof Refused) return cause.message;
  return code ? `it could not be reached (${code})` : redactText(message).slice(0, 200);
}

/** Seconds, or a date (RFC 9110 §10.2.3). */
function retryAfter(text: string | undefined): Pick<PostResult, 'retryAfterSeconds'> {
  if (text === undefined) return {};
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (Date.parse(text) - currentTime().getTime()) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterSeconds: Math.ceil(seconds) } : {};
}
