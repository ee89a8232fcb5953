import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { plainAddress, type Networks } from './networks.ts';

export interface ProxyRules {
  trusted: Networks;
  header: 'x-forwarded-for' | 'forwarded';
}

/** Who is at the other end, behind the proxies. */
export interface ClientPlace {
  address: string;
  /** The client reached the outermost trusted proxy by TLS, as that one says. */
  encrypted: boolean;
}

/**
 * Where a request came from: the other end of the connection, unless that is a trusted proxy; then the last address in its
 * header that is none (RFC 7239, and X-Forwarded-For). What stands before it, anybody may have written.
 */
export function clientPlace(peer: string, headers: IncomingHttpHeaders, { trusted, header }: ProxyRules): ClientPlace {
  const place: ClientPlace = { address: plainAddress(peer), encrypted: false };
  if (!trusted.has(place.address)) return place;
  const hops = header === 'forwarded' ? forwardedHops(headers.forwarded) : plainHops(headers);
  for (const { address, proto } of hops.toReversed()) {
    if (proto !== undefined) place.encrypted = proto === 'https';
    // What hides its name, or is no address, may be anyone: the proxy that says so is the last one known.
    if (address === undefined) return place;
    place.address = address;
    if (!trusted.has(address)) return place;
  }
  return place;
}

interface Hop {
  address: string | undefined;
  proto?: string | undefined;
}

function plainHops(headers: IncomingHttpHeaders): Hop[] {
  const text = headers['x-forwarded-for'];
  if (text === undefined) return [];
  const hops: Hop[] = String(text).split(',').map((part) => ({ address: addressOf(part.trim()) }));
  const proto = headers['x-forwarded-proto'];
  // The proxy that we know wrote the last one.
  if (proto !== undefined) hops.at(-1)!.proto = String(proto).split(',').at(-1)!.trim().toLowerCase();
  return hops;
}

function forwardedHops(text: string | undefined): Hop[] {
  if (text === undefined) return [];
  return splitOutsideQuotes(text, ',').map((element) => {
    const pairs = new Map(splitOutsideQuotes(element, ';').map((pair) => {
      const [name = '', value = ''] = pair.trim().split(/=(.*)/s);
      return [name.toLowerCase(), value.replace(/^"(.*)"$/s, '$1').replace(/\\(.)/g, '$1')];
    }));
    return { address: addressOf(pairs.get('for') ?? ''), proto: pairs.get('proto')?.toLowerCase() };
  });
}

const splitOutsideQuotes = (text: string, separator: ',' | ';'): string[] => text.match(separator === ',' ? /(?:"(?:\\.|[^"\\])*"|[^",])+/g : /(?:"(?:\\.|[^"\\])*"|[^";])+/g) ?? [];

/** An address, with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. */
function addressOf(text: string): string | undefined {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const plain = plainAddress(bare);
  return isIP(plain) === 0 ? undefined : plain;
}
