import { domainToASCII } from 'node:url';
import { errors } from '../errors.ts';

// An atom of RFC 5322; quoted local parts are in no use, and a way to smuggle.
const atom = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The address as it is sent to: its domain in ASCII and small letters. Throws `ADDRESS_INVALID` for what is none, such as two in one. */
export function requireAddress(text: string): string {
  const at = text.lastIndexOf('@');
  if (at < 1) throw errors.ADDRESS_INVALID({ because: 'it must look like name@domain' });
  const local = text.slice(0, at);
  if (local.length > 64 || !atom.test(local)) throw errors.ADDRESS_INVALID({ because: 'before the @ there may be letters of ASCII, digits and .!#$%&\'*+/=?^_`{|}~-' });
  const domain = domainToASCII(text.slice(at + 1)).toLowerCase();
  if (domain.length > 253 || !domain.split('.').every((part) => label.test(part))) throw errors.ADDRESS_INVALID({ because: 'behind the @ there must be a domain' });
  return `${local}@${domain}`;
}

/** The address as suppressions know it: nobody tells capital letters apart. */
export const addressKey = (address: string): string => address.toLowerCase();

/** Enough of an address for its owner to recognise it, such as `a…@acme.test`. */
export const maskedAddress = (address: string): string => `${address.slice(0, 1)}…${domainOf(address)}`;

/** From the `@` on. */
export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@'));
