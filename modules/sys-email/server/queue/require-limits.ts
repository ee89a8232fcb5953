import { sql } from 'kysely';
import type { Transaction } from '@mainstay/kernel';
import type { SenderName, Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { addressKey } from '../email-address.ts';
import type { EmailNeeds } from '../needs.ts';

/** For whom an e-mail counts. */
export interface Counted {
  recipient: string;
  accountId: string | null;
  orgId: string | null;
  sender: SenderName;
}

const vital: readonly SenderName[] = ['LOGIN', 'SECURITY'];
const common: readonly SenderName[] = ['ALERT', 'NOTIFICATION'];

/**
 * Counts an e-mail against the limits of the hour. What signs in and secures an account is counted apart, so that no flood of
 * reminders keeps anybody from signing in, and against no org. Throws `ACCOUNT_LIMIT_REACHED` and `ORG_LIMIT_REACHED`.
 */
export async function requireLimits({ settings }: Pick<EmailNeeds, 'settings'>, tx: Transaction<Tables>, { recipient, accountId, orgId, sender }: Counted): Promise<void> {
  const kinds = vital.includes(sender) ? vital : common;
  const perAccount = await valueFor(settings, 'hourlyPerAccount', orgId);
  const address = addressKey(recipient);
  const whose = accountId ? sql<boolean>`account_id = ${accountId}` : sql<boolean>`lower(recipient) = ${address}`;
  if (await isReached(tx, `${accountId ?? address} ${kinds[0]}`, whose, kinds, perAccount)) throw errors.ACCOUNT_LIMIT_REACHED({ most: perAccount });
  if (orgId === null || kinds === vital) return;
  const perOrg = await valueFor(settings, 'hourlyPerOrg', orgId);
  if (await isReached(tx, orgId, sql<boolean>`org = ${orgId}`, kinds, perOrg)) throw errors.ORG_LIMIT_REACHED({ most: perOrg });
}

async function valueFor(settings: EmailNeeds['settings'], key: 'hourlyPerAccount' | 'hourlyPerOrg', orgId: string | null): Promise<number> {
  const { value, byOrg } = await settings.getAll(key);
  return (orgId === null ? undefined : byOrg.get(orgId)) ?? value;
}

/** Those that count for the same come one after the other, so that not two of them are the last. */
async function isReached(tx: Transaction<Tables>, key: string, whose: ReturnType<typeof sql<boolean>>, kinds: readonly SenderName[], most: number): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`sys-email ${key}`}, 0))`.execute(tx);
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from (select from sys_email_emails where ${whose} and create_time > now() - interval '1 hour' and sender = any (${kinds}) limit ${most}) as latest`.execute(tx);
  return rows[0]!.count >= most;
}
