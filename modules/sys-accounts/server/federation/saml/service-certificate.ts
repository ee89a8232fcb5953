import { currentTime } from '@mainstay/kernel';
import { exportPKCS8, generateKeyPair } from 'jose';

/** Certificates are good so long; another takes their place a year before. */
export const certificateYears = 4;

/** A new RSA key, in PEM (PKCS #8), and a certificate for it that it signs itself: providers look at the key in it alone. */
export async function makeServiceCertificate(name: string): Promise<{ privateKey: string; certificate: string }> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true, modulusLength: 3072 });
  // It is large, and few deployments need it, once in years. It wants the other first.
  await import('reflect-metadata');
  const { X509CertificateGenerator } = await import('@peculiar/x509');
  const notBefore = currentTime();
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notBefore.getUTCFullYear() + certificateYears);
  const signingAlgorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const made = await X509CertificateGenerator.createSelfSigned({ name: [{ CN: [name] }], keys: { privateKey, publicKey }, notBefore, notAfter, signingAlgorithm });
  return { privateKey: await exportPKCS8(privateKey), certificate: `${made.toString('pem')}\n` };
}
