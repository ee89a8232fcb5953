import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const keyOf = (secret: string): Buffer => Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'hex'), '', 'sys-core webhook secrets', 32));

/** A new secret as the Standard Webhooks specification writes it: 32 random bytes. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** A secret as it is kept, for this endpoint alone: AES-256-GCM with a key derived from the deployment's secret. */
export function sealSecret(deploymentSecret: string, endpointId: string, secret: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf(deploymentSecret), nonce).setAAD(Buffer.from(endpointId));
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** The secret again. Throws if it was sealed with another deployment's secret, or for another endpoint. */
export function unsealSecret(deploymentSecret: string, endpointId: string, sealed: Uint8Array): string {
  const decipher = createDecipheriv('aes-256-gcm', keyOf(deploymentSecret), sealed.subarray(0, 12), { authTagLength: 16 }).setAAD(Buffer.from(endpointId));
  decipher.setAuthTag(sealed.subarray(12, 28));
  return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString();
}
