import { isIPv4, isIPv6 } from 'node:net';
import { hashOf } from '../opaque-token.ts';

/**
 * What counts as one place of an account: of IPv4 a network of 24 bits, of IPv6 one of 48, since providers give
 * their customers other addresses of it every day. Hashed, so that nobody reads where people were.
 */
export const placeHash = (accountId: string, address: string | undefined): Buffer => hashOf(`${accountId} ${networkOf(address ?? '')}`);

/** The network of an address, as text. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  if (isIPv4(mapped)) return mapped.split('.').slice(0, 3).join('.');
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::') as [string, string?];
  const [before, after] = [parts(head), parts(tail)];
  const between = tail === undefined ? [] : Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return [...before, ...between, ...after].slice(0, 3).map((part) => parseInt(part, 16).toString(16)).join(':');
}

const parts = (text = ''): string[] => (text === '' ? [] : text.split(':'));
