import { encryption, signatures, within, type SamlMessage, type XmlElement } from './read-message.ts';
import { SamlRefused } from './saml-refused.ts';

/** RSA with SHA-2 (RFC 6931). SHA-1 is refused: others can be made to have the same. */
export const signatureAlgorithms: ReadonlySet<string> = new Set(['http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512']);
const digests = new Set(['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmlenc#sha512']);
const canonicalizations = new Set(['http://www.w3.org/2001/10/xml-exc-c14n#', 'http://www.w3.org/2001/10/xml-exc-c14n#WithComments']);
const transforms = new Set(['http://www.w3.org/2000/09/xmldsig#enveloped-signature', ...canonicalizations]);

const gcm = new Set(['http://www.w3.org/2009/xmlenc11#aes128-gcm', 'http://www.w3.org/2009/xmlenc11#aes256-gcm']);
const cbc = new Set(['http://www.w3.org/2001/04/xmlenc#aes128-cbc', 'http://www.w3.org/2001/04/xmlenc#aes256-cbc']);
const keyTransports = new Set(['http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p']);

/**
 * Refuses what is signed or encrypted in ways that do not hold. AES-CBC may be used where the whole answer is signed: else strangers
 * could learn what it says by sending it again, changed, and looking at what becomes of it.
 */
export function checkAlgorithms({ root }: SamlMessage, isAnswerSigned: boolean): void {
  for (const signature of within(root, signatures, 'Signature')) {
    check(signature, signatures, 'SignatureMethod', signatureAlgorithms);
    check(signature, signatures, 'DigestMethod', digests);
    check(signature, signatures, 'CanonicalizationMethod', canonicalizations);
    check(signature, signatures, 'Transform', transforms);
  }
  for (const data of within(root, encryption, 'EncryptedData')) {
    for (const method of within(data, encryption, 'EncryptionMethod')) {
      const isOfKey = (method as { parentNode?: XmlElement }).parentNode?.localName === 'EncryptedKey';
      require(isOfKey ? keyTransports : isAnswerSigned ? new Set([...gcm, ...cbc]) : gcm, method);
    }
  }
}

function check(within_: XmlElement, namespace: string, name: string, allowed: ReadonlySet<string>): void {
  for (const method of within(within_, namespace, name)) require(allowed, method);
}

function require(allowed: ReadonlySet<string>, method: XmlElement): void {
  const algorithm = method.getAttribute('Algorithm') ?? '';
  if (!allowed.has(algorithm)) throw new SamlRefused('WEAK_ALGORITHM', algorithm.slice(0, 100).replaceAll(/[^\w:/.#-]/g, '?'));
}
