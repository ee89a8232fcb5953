import { createVerify } from 'node:crypto';
import { currentTime } from '@mainstay/kernel';
import { checkAlgorithms, signatureAlgorithms } from './check-algorithms.ts';
import { assertions, childrenOf, parseMessage, protocol, readPosted, readRedirected, type SamlMessage, type XmlElement } from './read-message.ts';
import { requireSigner, signedXml } from './require-signer.ts';
import { SamlRefused } from './saml-refused.ts';
import type { SamlSide } from './saml-settings.ts';

/** A logout that a provider tells of, or its answer to one that was begun here. */
export interface Logout {
  kind: 'LogoutRequest' | 'LogoutResponse';
  /** The message, all of which is signed by the provider. */
  root: XmlElement;
  relayState: string;
}

/** Where no end is named, a request is good so long after it was made, in milliseconds. */
const lasts = 10 * 60_000;

/** Verifies a message of a logout that came in the address (HTTP-Redirect), whose signature stands beside it (Bindings, 3.4.4.1). Throws `SamlRefused`. */
export async function verifyRedirected(side: SamlSide, query: string): Promise<Logout> {
  const given = parametersOf(query);
  const kind = given.has('SAMLRequest') ? 'SAMLRequest' : 'SAMLResponse';
  const value = (name: string) => decodeURIComponent((given.get(name) ?? '').replaceAll('+', ' '));
  const message = await readRedirected(value(kind));
  const [algorithm, signature] = [value('SigAlg'), value('Signature')];
  if (signature === '') throw new SamlRefused('NOT_SIGNED');
  if (!signatureAlgorithms.has(algorithm)) throw new SamlRefused('WEAK_ALGORITHM');
  // The very characters that came, in this order.
  const signed = [kind, 'RelayState', 'SigAlg'].filter((name) => given.has(name)).map((name) => `${name}=${given.get(name)!}`).join('&');
  const hash = algorithm.endsWith('sha512') ? 'RSA-SHA512' : 'RSA-SHA256';
  await requireSigner(side.settings, async (certificates) => certificates.find((certificate) => createVerify(hash).update(signed).verify(certificate, signature, 'base64')));
  return logoutOf(message, value('RelayState'));
}

/** Verifies a message of a logout that a page posted (HTTP-POST), whose signature it holds. Throws `SamlRefused`. */
export async function verifyPosted(side: SamlSide, form: URLSearchParams): Promise<Logout> {
  const message = await readPosted(form.get('SAMLRequest') ?? form.get('SAMLResponse') ?? '');
  checkAlgorithms(message, true);
  // Of what came, only what the signature covers is read.
  const verified = await requireSigner(side.settings, (certificates) => signedXml(message, certificates));
  return logoutOf(await parseMessage(verified), form.get('RelayState') ?? '');
}

/** Each parameter once: of two of the same name, one might be verified and the other read. */
function parametersOf(query: string): Map<string, string> {
  const pairs = query.split('&').filter((pair) => pair !== '').map((pair) => [pair.split('=', 1)[0]!, pair.slice(pair.indexOf('=') + 1)] as const);
  const given = new Map(pairs);
  const isOnly = given.size === pairs.length && given.has('SAMLRequest') !== given.has('SAMLResponse');
  if (!isOnly || pairs.some(([, value]) => !isEncoded(value))) throw new SamlRefused('UNREADABLE');
  return given;
}

function isEncoded(value: string): boolean {
  try {
    return decodeURIComponent(value) !== undefined;
  } catch {
    return false;
  }
}

function logoutOf({ root }: SamlMessage, relayState: string): Logout {
  const kind = root.localName;
  if (root.namespaceURI !== protocol || (kind !== 'LogoutRequest' && kind !== 'LogoutResponse') || root.getAttribute('Version') !== '2.0') throw new SamlRefused('UNREADABLE');
  return { kind, root, relayState: relayState.slice(0, 512) };
}

/** Checks whom a message of a logout is from and for, and that it is not an old one. Throws `SamlRefused`. */
export function checkLogout({ settings, logout }: SamlSide, { kind, root }: Logout, skewSeconds: number): void {
  if (childrenOf(root, assertions, 'Issuer')[0]?.textContent?.trim() !== settings.entityId) throw new SamlRefused('WRONG_ISSUER');
  if (root.getAttribute('Destination') !== logout) throw new SamlRefused('WRONG_DESTINATION');
  if (kind === 'LogoutResponse') return;
  const [made, end] = ['IssueInstant', 'NotOnOrAfter'].map((name) => Date.parse(root.getAttribute(name) ?? ''));
  const until = Number.isNaN(end!) ? made! + lasts : end!;
  if (!(currentTime().getTime() - skewSeconds * 1000 < until)) throw new SamlRefused('OUT_OF_TIME');
}
