import { createHmac } from 'node:crypto';
import { derivedKey, seal as sealBytes, unseal as unsealBytes } from '@mainstay/kernel';

/** What is sealed: a key and a text of one purpose fit no other. */
export type Purpose = 'values' | 'unsubscribe';

const keyOf = (secret: string, purpose: Purpose): Buffer => derivedKey(secret, `sys-email ${purpose}`);

/** A text that nobody reads or changes without the deployment's secret, bound to what it is about. */
export const seal = (secret: string, purpose: Purpose, about: string, text: string, nonce?: Buffer): Buffer => sealBytes(keyOf(secret, purpose), about, text, nonce);

/** A nonce made of what is sealed, so that the same is sealed alike each time; of use where that tells nobody anything. */
export const nonceOf = (secret: string, text: string): Buffer => createHmac('sha256', keyOf(secret, 'unsubscribe')).update(`nonce ${text}`).digest().subarray(0, 12);

/** The text again; undefined if it was changed, or sealed with another secret or for something else. */
export const unseal = (secret: string, purpose: Purpose, about: string, sealed: Uint8Array): string | undefined => unsealBytes(keyOf(secret, purpose), about, sealed)?.toString();
