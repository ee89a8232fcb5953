import { currentCall, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { AdapterPayload } from 'oidc-provider';
import type { Config } from '../../config.ts';
import type { Tables } from '../../database/tables.ts';
import type { Needs } from '../needs.ts';
import { endSessions } from '../sessions.ts';

type Tx = Transaction<Tables>;

/**
 * What a person grants to a client is a session of theirs, under the same id: it is in their list, they end it there, and the guard
 * looks it up as any other. A grant that is saved again stays the session that it is.
 */
export async function beginGrantedSession(tx: Tx, { sessionDays }: Config, grantId: string, { accountId, clientId }: AdapterPayload): Promise<void> {
  const { personal_org, home_org } = await tx.selectFrom('sys_accounts_accounts').select(['personal_org', 'home_org']).where('id', '=', accountId!).executeTakeFirstOrThrow();
  await tx
    .insertInto('sys_accounts_sessions')
    .values({ id: grantId, account_id: accountId!, acting_org: home_org ?? personal_org, client_id: clientId!, client_address: currentCall().clientAddress ?? '', expires_at: inDays(sessionDays), ended_at: null })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

/** What the session says of the login that it was granted in: what the client knows it by, and how the person proved who they are. */
export async function noteLogin(tx: Tx, grantId: string, { sid, acr, amr, authTime }: AdapterPayload): Promise<void> {
  await tx
    .updateTable('sys_accounts_sessions')
    .set({ ...(sid && { client_sid: String(sid) }), ...(acr && { acr }), ...(amr && { amr: [...amr] }), auth_time: new Date(authTime! * 1000) })
    .where('id', '=', grantId)
    .execute();
}

/** A session lasts as long as its client refreshes it. */
export async function keepGrantedSession(tx: Tx, { sessionDays }: Config, grantId: string): Promise<void> {
  await tx.updateTable('sys_accounts_sessions').set({ refreshed_at: sql<Date>`now()`, expires_at: inDays(sessionDays) }).where('id', '=', grantId).where('ended_at', 'is', null).execute();
}

export const endGrantedSession = (tx: Tx, grantId: string): Promise<number> => endSessions(tx, { sessionId: grantId });

export async function isGrantOpen({ db }: Needs, grantId: string): Promise<boolean> {
  const open = await db.read((q) => q.selectFrom('sys_accounts_sessions').select('id').where('id', '=', grantId).where('ended_at', 'is', null).where('expires_at', '>', sql<Date>`now()`).executeTakeFirst());
  return open !== undefined;
}

const inDays = (days: number) => sql<Date>`now() + ${days} * interval '1 day'`;
