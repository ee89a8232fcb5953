import { sql, type Kysely, type Selectable } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import type { EmailNeeds } from '../needs.ts';

/** An e-mail that this process hands over now. */
export type ClaimedEmail = Pick<Selectable<Tables['sys_email_emails']>, 'id' | 'template' | 'text_version' | 'language' | 'sender' | 'list' | 'recipient' | 'recipient_name' | 'sealed_values' | 'account_id' | 'org' | 'attempts' | 'create_time'> & {
  /** Its time is over. */
  is_expired: boolean;
};

/** Whether anything waits to be sent now. */
export async function isAnyDue(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql`select from sys_email_emails where next_try is not null and next_try <= now() and (claimed_until is null or claimed_until < now()) limit 1`.execute(db);
  return rows.length > 0;
}

/** Takes up to `most` e-mails that are due for this process: first what is urgent, then in the order in which they became due. */
export async function claimEmails({ db, config }: Pick<EmailNeeds, 'db' | 'config'>, most: number): Promise<ClaimedEmail[]> {
  const claimed = await db.write(async (tx) => {
    const { rows } = await sql<ClaimedEmail & { priority: string; next_try: Date }>`
      with due as (
        select id from sys_email_emails where next_try is not null and next_try <= now() and (claimed_until is null or claimed_until < now())
          order by priority, next_try, id limit ${most} for update skip locked
      )
      update sys_email_emails as e set state = 'SENDING', claimed_until = clock_timestamp() + ${config.claimSeconds} * interval '1 second' from due where e.id = due.id
        returning e.id, e.template, e.text_version, e.language, e.sender, e.list, e.recipient, e.recipient_name, e.sealed_values, e.account_id, e.org, e.attempts, e.create_time, e.priority, e.next_try,
          coalesce(e.expire_time <= clock_timestamp(), false) as is_expired`.execute(tx);
    return rows;
  });
  return claimed.sort((one, other) => (one.priority < other.priority ? -1 : one.priority > other.priority ? 1 : one.next_try.getTime() - other.next_try.getTime() || (one.id < other.id ? -1 : 1)));
}

/** Keeps e-mails that this process is still handing over from being taken by another. */
export async function renewClaims({ db, config }: Pick<EmailNeeds, 'db' | 'config'>, ids: readonly string[]): Promise<void> {
  await db.write(async (tx) => {
    await sql`update sys_email_emails set claimed_until = clock_timestamp() + ${config.claimSeconds} * interval '1 second' where id = any (${ids}::uuid[]) and state = 'SENDING'`.execute(tx);
  });
}
