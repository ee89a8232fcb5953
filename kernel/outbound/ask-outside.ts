import { lookup as lookUp, type LookupAddress } from 'node:dns';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import { redactText } from '../telemetry/redact-text.ts';
import { isPublicAddress, literalAddress } from './public-address.ts';

/** Finds the addresses of a host. */
export type Resolve = (host: string) => Promise<LookupAddress[]>;

export interface Question {
  url: string;
  method: string;
  headers: Record<string, string>;
  /** None if absent. */
  body?: string | undefined;
  /** Only addresses of the public internet are asked, over https. */
  strict: boolean;
  signal: AbortSignal;
  /** The system's if absent. */
  resolve?: Resolve;
}

/** An address that is not asked. */
export class Refused extends Error {
  override name = 'Refused';
}

const ofSystem: Resolve = (host) => promisify(lookUp)(host, { all: true });

/**
 * Asks another system by HTTP, over a connection of its own to an address that was checked just before: what the host's name meant
 * earlier or means afterwards is not asked. Redirections are not followed.
 */
export async function askOutside({ url: text, method, headers, body, strict, resolve = ofSystem, signal }: Question): Promise<IncomingMessage> {
  const url = new URL(text);
  const literal = literalAddress(url);
  if (strict && url.protocol !== 'https:') throw new Refused('only addresses with https are called');
  if (strict && literal) requirePublic([literal]);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  return new Promise((fulfil, reject) => {
    const sending = request(url, { method, headers: { ...headers, ...length }, agent: false, lookup: checkedLookup(resolve, strict), signal }, fulfil);
    sending.on('error', reject);
    sending.end(body);
  });
}

/** Why another system gave no answer, in words that hold no secret. */
export function whatHappened(error: unknown): string {
  if (error instanceof Refused) return error.message;
  const { code, message, cause } = error as NodeJS.ErrnoException;
  if (cause instanceof Refused) return cause.message;
  return code ? `it could not be reached (${code})` : redactText(message).slice(0, 200);
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
