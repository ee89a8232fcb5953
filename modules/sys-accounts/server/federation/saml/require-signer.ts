import { X509Certificate } from 'node:crypto';
import { currentTime } from '@mainstay/kernel';
import type { SamlSettings } from '../../../contract/index.ts';
import { SamlRefused } from './saml-refused.ts';
import { signatures, childrenOf, type SamlMessage } from './read-message.ts';

/** Whether a message holds a signature over all of it. */
export const isSigned = ({ root }: SamlMessage): boolean => childrenOf(root, signatures, 'Signature').length > 0;

/** What one of the certificates of a provider verifies, of those that are good now. Throws `SamlRefused`, and names one that is not. */
export async function requireSigner<T>({ certificates }: Pick<SamlSettings, 'certificates'>, verify: (certificates: readonly string[]) => Promise<T | undefined>): Promise<T> {
  const now = currentTime();
  const good = certificates.filter((pem) => isGood(pem, now));
  const verified = good.length > 0 ? await orNothing(verify(good)) : undefined;
  if (verified !== undefined) return verified;
  for (const certificate of certificates.filter((pem) => !good.includes(pem))) {
    if ((await orNothing(verify([certificate]))) !== undefined) throw new SamlRefused('CERTIFICATE_OUT_OF_DATE', described(certificate));
  }
  throw new SamlRefused('NOT_SIGNED');
}

/** What a signature covers that stands in a message and is over all of it (XML Signature); nothing if it does not hold. */
export async function signedXml({ xml, root }: SamlMessage, certificates: readonly string[]): Promise<string | undefined> {
  const { getVerifiedXml } = await import('@node-saml/node-saml/lib/xml.js');
  return getVerifiedXml(xml, root as unknown as Parameters<typeof getVerifiedXml>[1], [...certificates]) ?? undefined;
}

function isGood(pem: string, now: Date): boolean {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  return validFromDate <= now && now < validToDate;
}

function described(pem: string): string {
  const { fingerprint256, validFrom, validTo } = new X509Certificate(pem);
  return `SHA-256 ${fingerprint256}, good from ${validFrom} to ${validTo}`;
}

/** What is wrong with a signature, the library says in words that hold parts of the message. */
const orNothing = <T>(verifying: Promise<T | undefined>): Promise<T | undefined> => verifying.catch(() => undefined);
