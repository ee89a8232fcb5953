import { createHash, randomBytes } from 'node:crypto';

/** A new secret of 256 random bits, in base64url: 43 characters. */
export const newOpaqueToken = (): string => randomBytes(32).toString('base64url');

/** What is stored of an opaque token: SHA-256 is enough, because the token can't be guessed. */
export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
