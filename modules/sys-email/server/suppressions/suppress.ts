import { newId, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { SenderName, SuppressionReason, Tables } from '../../database/tables.ts';
import { addressKey } from '../email-address.ts';

export interface NewSuppression {
  address: string;
  reason: SuppressionReason;
  list?: string;
  detail?: string;
}

/** Sends nothing more to an address, for one reason; what is there for it already stays. Gives its id. */
export async function suppress(tx: Pick<Transaction<Tables>, 'insertInto'>, { address, reason, list = '', detail = '' }: NewSuppression): Promise<string> {
  const row = { id: newId(), address: addressKey(address), reason, list, detail: detail.slice(0, 200) };
  const { id } = await tx.insertInto('sys_email_suppressions').values(row)
    .onConflict((conflict) => conflict.columns(['address', 'reason', 'list']).doUpdateSet({ detail: sql`sys_email_suppressions.detail` }))
    .returning('id').executeTakeFirstOrThrow();
  return id;
}

/** Why an e-mail may not be sent; undefined if it may. Whoever complained still gets what signs in and secures the account. */
export async function suppressionOf(q: Pick<Transaction<Tables>, 'selectFrom'>, { recipient, sender, list }: { recipient: string; sender: SenderName; list: string }): Promise<string | undefined> {
  const found = await q.selectFrom('sys_email_suppressions').select(['reason', 'list']).where('address', '=', addressKey(recipient)).execute();
  const isVital = sender === 'LOGIN' || sender === 'SECURITY';
  const counting = found.find((one) => (one.reason === 'UNSUBSCRIBED' ? list !== '' && one.list === list : one.reason !== 'COMPLAINT' || !isVital));
  return counting && reasons[counting.reason];
}

const reasons: Record<SuppressionReason, string> = {
  BOUNCE: 'an e-mail to the address bounced before',
  COMPLAINT: 'its owner complained of an e-mail',
  UNSUBSCRIBED: 'its owner ended the subscription',
  OPERATOR: 'an operator said that nothing is sent to the address',
};
