import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

/** What is sealed: a key and a text of one purpose fit no other. */
export type Purpose = 'values' | 'unsubscribe';

const keyOf = (secret: string, purpose: Purpose): Buffer => Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'hex'), '', `sys-email ${purpose}`, 32));

/** A text that nobody reads or changes without the deployment's secret: AES-256-GCM with a key derived from it, bound to what it is about. */
export function seal(secret: string, purpose: Purpose, about: string, text: string, nonce: Buffer = randomBytes(12)): Buffer {
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret, purpose), nonce).setAAD(Buffer.from(about));
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** A nonce made of what is sealed, so that the same is sealed alike each time; of use where that tells nobody anything. */
export const nonceOf = (secret: string, text: string): Buffer => createHmac('sha256', keyOf(secret, 'unsubscribe')).update(`nonce ${text}`).digest().subarray(0, 12);

/** The text again; undefined if it was changed, or sealed with another secret or for something else. */
export function unseal(secret: string, purpose: Purpose, about: string, sealed: Uint8Array): string | undefined {
  if (sealed.length < 28) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', keyOf(secret, purpose), sealed.subarray(0, 12), { authTagLength: 16 }).setAAD(Buffer.from(about));
  decipher.setAuthTag(sealed.subarray(12, 28));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}
