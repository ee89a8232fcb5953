import { createHmac } from 'node:crypto';
import { derivedKey, seal as sealBytes, unseal as unsealBytes } from '@mainstay/kernel';

const keyFor = (secret: string, purpose: string): Buffer => derivedKey(secret, `sys-accounts ${purpose}`);

/** Seals a secret for one purpose and one owner: in another's row it can not be opened. */
export const seal = (secret: string, purpose: string, owner: string, plain: string): Buffer => sealBytes(keyFor(secret, purpose), owner, plain);

/** What was sealed; nothing if that was under another secret, or for something else. */
export const unseal = (secret: string, purpose: string, owner: string, stored: Uint8Array): string | undefined => unsealBytes(keyFor(secret, purpose), owner, stored)?.toString();

/** What is stored of a secret that is short enough to be guessed by who can hash: it takes the deployment's secret, too. */
export const keyedHash = (secret: string, purpose: string, plain: string): Buffer => createHmac('sha256', keyFor(secret, purpose)).update(plain).digest();
