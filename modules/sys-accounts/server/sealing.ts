import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

/** A key for one purpose, derived from the deployment's secret (HKDF, RFC 5869). */
const keyFor = (secret: string, purpose: string): Buffer => Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'hex'), '', `sys-accounts ${purpose}`, 32));

/** Seals a secret (AES-256-GCM) for one purpose and one owner: in another's row it can not be opened. */
export function seal(secret: string, purpose: string, owner: string, plain: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyFor(secret, purpose), nonce);
  cipher.setAAD(Buffer.from(owner));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** What was sealed; nothing if that was under another secret, or for something else. */
export function unseal(secret: string, purpose: string, owner: string, stored: Uint8Array): string | undefined {
  const decipher = createDecipheriv('aes-256-gcm', keyFor(secret, purpose), stored.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(owner));
  decipher.setAuthTag(stored.subarray(12, 28));
  try {
    return Buffer.concat([decipher.update(stored.subarray(28)), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}

/** What is stored of a secret that is short enough to be guessed by who can hash: it takes the deployment's secret, too. */
export const keyedHash = (secret: string, purpose: string, plain: string): Buffer => createHmac('sha256', keyFor(secret, purpose)).update(plain).digest();
