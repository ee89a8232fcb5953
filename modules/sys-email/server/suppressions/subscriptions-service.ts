import type { ServiceImpl } from '@connectrpc/connect';
import type { SubscriptionsService, UnsubscribeRequest } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { maskedAddress } from '../email-address.ts';
import type { EmailNeeds } from '../needs.ts';
import { suppress } from './suppress.ts';
import { readUnsubscribeToken, type SubscriptionOf } from './unsubscribe-token.ts';

/** Far more than the one field that is wanted. */
const MOST_BYTES = 4096;

/** What the reader of an e-mail says by the link in it (RFC 8058). */
export function subscriptionsService({ db, deployment }: EmailNeeds): ServiceImpl<typeof SubscriptionsService> {
  return {
    async getSubscription({ token }) {
      const subscription = readUnsubscribeToken(deployment.secret, token);
      const ended = await db.read((q) => q.selectFrom('sys_email_suppressions').select('id').where('address', '=', subscription.address).where('reason', '=', 'UNSUBSCRIBED').where('list', '=', subscription.list).executeTakeFirst());
      return subscriptionMessage(subscription, ended === undefined);
    },

    async unsubscribe(requests) {
      const { token, form } = await readClick(requests);
      const subscription = readUnsubscribeToken(deployment.secret, token);
      // As a form of either type: `List-Unsubscribe=One-Click`, or a part of that name with that content.
      if (!/List-Unsubscribe["=\s][^]*One-Click/i.test(form)) throw errors.CLICK_MISSING();
      await db.write((tx) => suppress(tx, { ...subscription, reason: 'UNSUBSCRIBED' }));
      return subscriptionMessage(subscription, false);
    },
  };
}

async function readClick(requests: AsyncIterable<UnsubscribeRequest>): Promise<{ token: string; form: string }> {
  let [token, form] = ['', ''];
  for await (const request of requests) {
    token ||= request.token;
    form += Buffer.from(request.content?.data ?? []).toString('latin1');
    if (form.length > MOST_BYTES) throw errors.CLICK_MISSING();
  }
  return { token, form };
}

const subscriptionMessage = ({ address, list }: SubscriptionOf, subscribed: boolean) => ({ list, address: maskedAddress(address), subscribed });
