import { inflateRawSync } from 'node:zlib';
import { SamlRefused } from './saml-refused.ts';

/** As much of a DOM element as is read of one. */
export interface XmlElement {
  localName: string | null;
  namespaceURI: string | null;
  textContent: string | null;
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
  childNodes: ArrayLike<XmlElement>;
  getElementsByTagNameNS(namespace: string, name: string): ArrayLike<XmlElement>;
}

/** A message that was read; nothing of it is proven. */
export interface SamlMessage {
  xml: string;
  root: XmlElement;
}

export const protocol = 'urn:oasis:names:tc:SAML:2.0:protocol';
export const assertions = 'urn:oasis:names:tc:SAML:2.0:assertion';
export const signatures = 'http://www.w3.org/2000/09/xmldsig#';
export const encryption = 'http://www.w3.org/2001/04/xmlenc#';

/** Answers of providers have some thousand bytes; with hundreds of groups, some ten thousand. */
const mostCharacters = 262_144;
/** Signed messages are canonicalised by recursion. */
const mostDepth = 100;

/** What the library that verifies reads with. Its own types would bring those of browsers into all of this program. */
const xmldom: string = '@xmldom/xmldom';
interface Xmldom {
  DOMParser: new (options: { errorHandler: () => never }) => { parseFromString(xml: string, type: 'text/xml'): { documentElement: XmlElement } };
}

const base64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

/** Reads a message as the HTTP-POST binding has it (Bindings, 3.5.4). Throws `SamlRefused`. */
export function readPosted(encoded: string): Promise<SamlMessage> {
  return parseMessage(decoded(encoded).toString('utf8'));
}

/** Reads a message as the HTTP-Redirect binding has it (Bindings, 3.4.4.1). Throws `SamlRefused`. */
export async function readRedirected(encoded: string): Promise<SamlMessage> {
  const deflated = decoded(encoded);
  try {
    // Some bytes may become a thousand times as many.
    return await parseMessage(inflateRawSync(deflated, { maxOutputLength: mostCharacters }).toString('utf8'));
  } catch (error) {
    throw error instanceof SamlRefused ? error : new SamlRefused('UNREADABLE');
  }
}

function decoded(encoded: string): Buffer {
  if (encoded === '' || encoded.length > 2 * mostCharacters || !base64.test(encoded)) throw new SamlRefused('UNREADABLE');
  return Buffer.from(encoded, 'base64');
}

/** Reads XML that is a message, or part of one. Throws `SamlRefused`. */
export async function parseMessage(xml: string): Promise<SamlMessage> {
  if (xml.length > mostCharacters) throw new SamlRefused('UNREADABLE', 'it is too large');
  // Document types with their entities, comments, and what else parsers read in different ways. No message of SAML needs any of it.
  if (xml.includes('<!') || xml.replace(/^\uFEFF?\s*<\?xml [^?]*\?>/, '').includes('<?')) throw new SamlRefused('UNREADABLE', 'it holds a document type, a comment, CDATA or an instruction');
  if (depthOf(xml) > mostDepth) throw new SamlRefused('UNREADABLE', 'it is nested too deeply');
  const { DOMParser } = (await import(xmldom)) as Xmldom;
  try {
    // What it would only warn of, and read in its own way, and print, is not read either.
    const { documentElement } = new DOMParser({ errorHandler: unreadable }).parseFromString(xml, 'text/xml');
    return { xml, root: documentElement };
  } catch {
    throw new SamlRefused('UNREADABLE');
  }
}

function unreadable(): never {
  throw new SamlRefused('UNREADABLE');
}

/** At least how deep the elements lie, without reading them. */
function depthOf(xml: string): number {
  let [depth, deepest] = [0, 0];
  for (const [, closes, alone] of xml.matchAll(/<(\/?)[^<>]*?(\/?)>/g)) {
    if (closes) depth -= 1;
    else if (!alone) deepest = Math.max(deepest, (depth += 1));
  }
  return deepest;
}

/** The elements of that name right below another. */
export const childrenOf = ({ childNodes }: XmlElement, namespace: string, name: string): XmlElement[] => Array.from(childNodes).filter((node) => node.localName === name && node.namespaceURI === namespace);

/** The elements of that name anywhere below another. */
export const within = (element: XmlElement, namespace: string, name: string): XmlElement[] => Array.from(element.getElementsByTagNameNS(namespace, name));
