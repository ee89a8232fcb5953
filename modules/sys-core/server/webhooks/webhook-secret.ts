import { randomBytes } from 'node:crypto';
import { derivedKey, seal, unseal } from '@mainstay/kernel';

const keyOf = (secret: string): Buffer => derivedKey(secret, 'sys-core webhook secrets');

/** A new secret as the Standard Webhooks specification writes it: 32 random bytes. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** A secret as it is kept, for this endpoint alone. */
export const sealSecret = (deploymentSecret: string, endpointId: string, secret: string): Buffer => seal(keyOf(deploymentSecret), endpointId, secret);

/** The secret again. Throws if it was sealed with another deployment's secret, or for another endpoint. */
export function unsealSecret(deploymentSecret: string, endpointId: string, sealed: Uint8Array): string {
  const secret = unseal(keyOf(deploymentSecret), endpointId, sealed);
  if (!secret) throw new Error(`the secret of the webhook endpoint ${endpointId} was sealed under another secret of the deployment`);
  return secret.toString();
}
