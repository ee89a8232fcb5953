import { exactBase64url } from '@mainstay/kernel';
import { errors } from '../../errors.ts';
import { nonceOf, seal, unseal } from '../sealed.ts';

/** Whose subscription, and which. */
export interface SubscriptionOf {
  address: string;
  list: string;
}

const ABOUT = 'one subscription';

/** What stands in a link that ends a subscription: nobody guesses it, and nobody reads the address in it. It is the same in each e-mail. */
export function unsubscribeToken(secret: string, { address, list }: SubscriptionOf): string {
  const text = JSON.stringify([address, list]);
  return seal(secret, 'unsubscribe', ABOUT, text, nonceOf(secret, text)).toString('base64url');
}

/** What a link is about. Throws `LINK_INVALID` for one that is changed, cut off, or of another deployment. */
export function readUnsubscribeToken(secret: string, token: string): SubscriptionOf {
  const sealed = exactBase64url(token);
  const text = sealed && unseal(secret, 'unsubscribe', ABOUT, sealed);
  if (text === undefined) throw errors.LINK_INVALID();
  const [address, list] = JSON.parse(text) as [string, string];
  return { address, list };
}
