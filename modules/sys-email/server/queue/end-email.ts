import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { Email_State, EmailNotSentSchema, EmailSentSchema } from '../../contract/index.ts';
import type { EmailState, Tables } from '../../database/tables.ts';
import { suppress } from '../suppressions/suppress.ts';
import type { ClaimedEmail } from './claim-emails.ts';
import type { Failure } from './smtp-failure.ts';

type Ended = Pick<ClaimedEmail, 'id' | 'template' | 'recipient' | 'account_id' | 'org'>;
type Last = Exclude<EmailState, 'QUEUED' | 'SENDING' | 'DISCARDED'>;

/** Notes the last state of an e-mail, announces it, and forgets what it says unless it can be sent again. Nothing happens if it is not being sent any more. */
export async function endEmail(tx: Transaction<Tables>, { id, template, account_id: accountId, org }: Ended, state: Last, problem = '', attempts = 0): Promise<void> {
  const ended = await tx.updateTable('sys_email_emails')
    .set({ state, problem, next_try: null, claimed_until: null, attempts: sql`attempts + ${attempts}`, end_time: sql<Date>`clock_timestamp()`, ...(state !== 'FAILED' && { sealed_values: null }) })
    .where('id', '=', id).where('state', '=', 'SENDING').returning('id').executeTakeFirst();
  if (!ended) return;
  const about = { emailId: id, template, accountId: accountId ?? '', orgId: org ?? '' };
  if (state === 'SENT') await tx.emit(EmailSentSchema, about, { aggregate: id });
  else await tx.emit(EmailNotSentSchema, { ...about, state: Email_State[state] }, { aggregate: id });
}

/** Notes a try that failed: when the next one is, or that it was the last. */
export async function noteFailure(tx: Transaction<Tables>, email: Ended & Pick<ClaimedEmail, 'attempts'>, { outcome, problem }: Failure, waits: readonly number[]): Promise<void> {
  const wait = outcome === 'RETRY' ? waits[email.attempts + 1] : undefined;
  if (wait !== undefined) {
    await tx.updateTable('sys_email_emails')
      .set({ state: 'QUEUED', problem, claimed_until: null, attempts: sql`attempts + 1`, next_try: sql<Date>`clock_timestamp() + ${jittered(wait)}::float8 * interval '1 second'` })
      .where('id', '=', email.id).where('state', '=', 'SENDING').execute();
    return;
  }
  if (outcome === 'BOUNCED') await suppress(tx, { address: email.recipient, reason: 'BOUNCE', detail: problem });
  await endEmail(tx, email, outcome === 'BOUNCED' ? 'BOUNCED' : 'FAILED', problem, 1);
}

/** Gives back an e-mail that this process did not come to hand over. */
export async function releaseEmail(tx: Transaction<Tables>, id: string): Promise<void> {
  await tx.updateTable('sys_email_emails').set({ state: 'QUEUED', claimed_until: null }).where('id', '=', id).where('state', '=', 'SENDING').execute();
}

/** Up to a tenth longer, so that what failed together does not come back together. */
const jittered = (seconds: number): number => seconds * (1 + Math.random() / 10);
