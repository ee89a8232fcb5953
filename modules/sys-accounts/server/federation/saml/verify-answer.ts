import type { Profile } from '@node-saml/node-saml';
import { checkAlgorithms } from './check-algorithms.ts';
import { checkAssertion, type AssertionFacts, type Expected } from './check-assertion.ts';
import { assertions, childrenOf, parseMessage, protocol, readPosted, signatures, within, type SamlMessage, type XmlElement } from './read-message.ts';
import { isSigned, requireSigner, signedXml } from './require-signer.ts';
import { SamlRefused } from './saml-refused.ts';
import { samlLibrary, type SamlSide } from './saml-settings.ts';
import type { ServiceKey } from './service-keys.ts';

/** What a provider says of a person, and proved that it says so. */
export interface Verified extends AssertionFacts {
  profile: Profile;
}

const success = 'urn:oasis:names:tc:SAML:2.0:status:Success';

/** Verifies an answer to a request for authentication (Profiles, 4.1.4). Throws `SamlRefused`. */
export async function verifyAnswer(side: SamlSide, encoded: string, expected: Expected): Promise<Verified> {
  const answer = await readPosted(encoded);
  const { root } = answer;
  if (root.namespaceURI !== protocol || root.localName !== 'Response' || root.getAttribute('Version') !== '2.0') throw new SamlRefused('UNREADABLE');
  checkEnvelope(side, answer, expected);
  checkAlgorithms(answer, isSigned(answer));
  // Where there is a second one, somebody may have hidden the one that is signed behind their own.
  if (['Assertion', 'EncryptedAssertion'].flatMap((name) => within(root, assertions, name)).length > 1) throw new SamlRefused('NOT_SIGNED', 'it holds several assertions');
  // Before anything is decrypted: how that goes must not tell strangers what others encrypted.
  if (isSigned(answer)) await requireSigner(side.settings, (certificates) => signedXml(answer, certificates));
  const key = await openingKey(side, answer);
  const profile = await requireSigner(side.settings, (certificates) => proven(side, answer, encoded, certificates, key));
  return { profile, ...checkAssertion(profile, { ...expected, issuer: side.settings.entityId, audience: side.entityId, recipient: side.acs }) };
}

/** What the answer says about itself, which is proven only if all of it is signed. */
function checkEnvelope({ settings, acs }: SamlSide, { root }: SamlMessage, { requestId }: Expected): void {
  const [issuer] = childrenOf(root, assertions, 'Issuer');
  if (issuer && issuer.textContent?.trim() !== settings.entityId) throw new SamlRefused('WRONG_ISSUER');
  if (root.hasAttribute('Destination') && root.getAttribute('Destination') !== acs) throw new SamlRefused('WRONG_DESTINATION');
  // Who answers a request names it, also where the request failed.
  if (!root.hasAttribute('InResponseTo')) throw new SamlRefused('NOT_BEGUN_HERE');
  if (root.getAttribute('InResponseTo') !== requestId) throw new SamlRefused('WRONG_REQUEST');
  const status = childrenOf(root, protocol, 'Status').flatMap((one) => childrenOf(one, protocol, 'StatusCode'))[0];
  if (status?.getAttribute('Value') !== success) throw new SamlRefused('DECLINED', (status?.getAttribute('Value') ?? '').slice(0, 100).replaceAll(/[^\w:]/g, '?'));
}

/** The key that opens the assertion: while they change, one or the other. What is inside is held to the same rules. */
async function openingKey({ settings, keys }: SamlSide, answer: SamlMessage): Promise<ServiceKey> {
  const [encrypted] = childrenOf(answer.root, assertions, 'EncryptedAssertion');
  if (!encrypted && settings.wantsEncryptedAssertions) throw new SamlRefused('NOT_ENCRYPTED');
  if (!encrypted) return keys.signer;
  for (const key of keys.all) {
    const opened = await decrypted(encrypted, key);
    if (opened === undefined) continue;
    checkAlgorithms(await parseMessage(opened), isSigned(answer));
    return key;
  }
  throw new SamlRefused('NOT_DECRYPTED');
}

async function decrypted(encrypted: XmlElement, { privateKey }: ServiceKey): Promise<string | undefined> {
  const { decryptXml } = await import('@node-saml/node-saml/lib/xml.js');
  try {
    return await decryptXml(String(encrypted), privateKey);
  } catch {
    return undefined;
  }
}

/** Every signature that is there must hold, and one must be there: over the answer, or over its only assertion. */
async function proven(side: SamlSide, answer: SamlMessage, encoded: string, certificates: readonly string[], key: ServiceKey): Promise<Profile | undefined> {
  const [assertion] = childrenOf(answer.root, assertions, 'Assertion');
  const wantAssertionsSigned = assertion !== undefined && childrenOf(assertion, signatures, 'Signature').length > 0;
  const library = await samlLibrary(side, certificates, { wantAuthnResponseSigned: isSigned(answer), wantAssertionsSigned }, key);
  const { profile } = await library.validatePostResponseAsync({ SAMLResponse: encoded });
  return profile ?? undefined;
}
