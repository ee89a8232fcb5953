import { timingSafeEqual } from 'node:crypto';
import { hashOf } from '../opaque-token.ts';

/** Whether it is the secret of a client, which is known by its hash: it has 256 random bits. */
export async function isTheSecret(this: { clientSecret?: string }, given: string): Promise<boolean> {
  const [expected, actual] = [Buffer.from(this.clientSecret ?? '', 'base64url'), hashOf(given)];
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
