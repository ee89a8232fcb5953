import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { AccountRegisteredSchema } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { hashOf } from './opaque-token.ts';

/** Who registers; the password is hashed already. */
export interface Person {
  email: string;
  displayName: string;
  /** Null for who logs in through their org, which then is `managingOrg`. */
  passwordHash: string | null;
  managingOrg?: string;
  passwordChangeRequired?: boolean;
  language?: string;
  timeZone?: string;
}

/** Makes an account and its personal org. Gives the account's id, or nothing if the e-mail address is not free. */
export async function registerPerson(tx: Transaction<Tables>, person: Person): Promise<string | undefined> {
  if (await isBarred(tx, person.email)) return undefined;
  const org = await tx.insertInto('sys_accounts_orgs').values({ name: person.displayName, personal: true, creator_id: null }).returning('id').executeTakeFirstOrThrow();
  const account = await insertAccount(tx, person, org.id);
  if (!account) {
    await tx.deleteFrom('sys_accounts_orgs').where('id', '=', org.id).execute();
    return undefined;
  }
  await tx.updateTable('sys_accounts_orgs').set({ creator_id: account.id }).where('id', '=', org.id).execute();
  await tx.insertInto('sys_accounts_role_grants').values({ account_id: account.id, role: 'ADMIN', scope_org: org.id, scope_project: null }).execute();
  await tx.emit(AccountRegisteredSchema, { accountId: account.id, personalOrgId: org.id }, { aggregate: account.id });
  return account.id;
}

/** Whether an address was that of an account that is closed. */
export async function isBarred(tx: Transaction<Tables>, email: string): Promise<boolean> {
  return (await tx.selectFrom('sys_accounts_closed_emails').select('email_hash').where('email_hash', '=', closedEmailHash(email)).executeTakeFirst()) !== undefined;
}

/** What is kept of the e-mail address of a closed account. */
export const closedEmailHash = (email: string): Buffer => hashOf(email.toLowerCase());

const insertAccount = (tx: Transaction<Tables>, person: Person, personalOrg: string) =>
  tx
    .insertInto('sys_accounts_accounts')
    .values({
      email: person.email,
      display_name: person.displayName,
      password_hash: person.passwordHash,
      password_change_required: person.passwordChangeRequired ?? false,
      language: person.language || 'en',
      time_zone: person.timeZone || 'UTC',
      managing_org: person.managingOrg ?? null,
      // The org has shown that the domain is its own.
      email_verified_at: person.managingOrg ? sql<Date>`now()` : null,
      personal_org: personalOrg,
      home_org: null,
      last_login_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
