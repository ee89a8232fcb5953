import { prepared, type Transaction } from '@mainstay/kernel';
import { sql, type Compilable, type Kysely, type RawBuilder, type Selectable } from 'kysely';
import type { Config } from '../config.ts';
import type { Tables } from '../database/tables.ts';
import { logoutIsTold } from './oauth/tell-logout.ts';
import { hashOf, newOpaqueToken } from './opaque-token.ts';

type Tx = Transaction<Tables>;

export type SessionRow = Selectable<Tables['sys_accounts_sessions']>;

/** A session that a login or refresh leads to, with its newest refresh token. */
export interface OpenSession {
  sessionId: string;
  accountId: string;
  orgId: string;
  refreshToken: string;
}

/** Who begins a session, and how they proved who they are: now, unless `authTime` says when. */
export interface SessionOwner {
  accountId: string;
  orgId: string;
  clientAddress: string | undefined;
  /** What the device is called, if it said so. */
  deviceName?: string;
  amr: readonly string[];
  acr: string;
  authTime?: Date;
}

/** Begins a session of an account. */
export async function beginSession(tx: Tx, { sessionDays }: Config, { accountId, orgId, clientAddress, deviceName, amr, acr, authTime }: SessionOwner): Promise<OpenSession> {
  const { id } = await tx
    .insertInto('sys_accounts_sessions')
    .values({ account_id: accountId, acting_org: orgId, client_address: clientAddress ?? '', device_name: deviceName ?? '', expires_at: inDays(sessionDays), ended_at: null, amr: [...amr], acr, auth_time: authTime ?? sql<Date>`now()` })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { sessionId: id, accountId, orgId, refreshToken: await addRefreshToken(tx, id) };
}

/**
 * Uses a refresh token up, and gives the next. The session of a token that was used before is to end: whoever used it
 * first may have stolen it (RFC 9700 §4.14.2). Of several uses within the leeway exactly one gets a token, and the session
 * goes on: two tabs of one person refresh at the same time.
 */
export async function refreshSession(tx: Tx, { sessionDays, refreshLeewaySeconds: leeway }: Config, refreshToken: string): Promise<OpenSession | 'invalid' | 'taken' | { reusedOf: string }> {
  const hash = hashOf(refreshToken);
  const next = newOpaqueToken();
  const [session] = await tradeToken.all(tx, { hash, nextHash: hashOf(next), sessionDays });
  if (session) return { sessionId: session.id, accountId: session.account_id, orgId: session.acting_org, refreshToken: next };
  const used = await usedToken.first(tx, { hash, leeway });
  if (!used) return 'invalid';
  return used.just_now ? 'taken' : { reusedOf: used.session_id };
}

/** Uses a token up, lets its session last, and keeps the next token: nothing of it unless all of it. Whoever comes second waits, and finds it used. */
const tradeToken = prepared<Tables>()((q, { hash, nextHash, sessionDays }: { hash: Buffer; nextHash: Buffer; sessionDays: number }) => compiled(q,
  sql<Pick<SessionRow, 'id' | 'account_id' | 'acting_org'>>`
    with used as (update sys_accounts_refresh_tokens set consumed_at = now() where token_hash = ${hash} and consumed_at is null returning session_id),
         renewed as (
           update sys_accounts_sessions s set refreshed_at = now(), expires_at = now() + ${sessionDays} * interval '1 day'
           from used, sys_accounts_accounts a
           where s.id = used.session_id and s.ended_at is null and s.expires_at > now() and a.id = s.account_id and a.state = 'ACTIVE'
           returning s.id, s.account_id, s.acting_org
         ),
         given as (insert into sys_accounts_refresh_tokens (token_hash, session_id) select ${nextHash}, id from renewed)
    select id, account_id, acting_org from renewed`));

/** A token that was used; none that has just been tried, whose session is over. */
const usedToken = prepared<Tables>()((q, { hash, leeway }: { hash: Buffer; leeway: number }) => compiled(q,
  sql<{ session_id: string; just_now: boolean }>`
    select session_id, consumed_at > now() - ${leeway} * interval '1 second' as just_now
    from sys_accounts_refresh_tokens where token_hash = ${hash} and consumed_at is distinct from now()`));

const compiled = <R>(q: Kysely<Tables>, text: RawBuilder<R>): Compilable<R> => ({ compile: () => text.compile(q) });

/** One session, if it is of the account where that is given too; or all of an account, except one. */
type SessionChoice = { sessionId: string; accountId?: string } | { accountId: string; except?: string };

/** Ends the chosen sessions that are open, and names them as changed, so that the guard asks about them again; gives how many. */
export async function endSessions(tx: Tx, choice: SessionChoice): Promise<number> {
  const { sessionId, accountId, except } = { sessionId: undefined, except: undefined, ...choice };
  const ended = await tx
    .updateTable('sys_accounts_sessions')
    .set({ ended_at: sql<Date>`now()` })
    .where('ended_at', 'is', null)
    .$if(sessionId !== undefined, (open) => open.where('id', '=', sessionId!))
    .$if(accountId !== undefined, (open) => open.where('account_id', '=', accountId!))
    .$if(except !== undefined, (open) => open.where('id', '<>', except!))
    .returning(['id', 'account_id', 'client_id', 'client_sid'])
    .execute();
  for (const { id, account_id, client_id, client_sid } of ended) {
    tx.changed(id);
    if (client_id !== null && client_sid !== null) await logoutIsTold(tx, { clientId: client_id, accountId: account_id, sid: client_sid });
  }
  if (sessionId === undefined) await forgetBrowsers(tx, accountId!);
  return ended.length;
}

/** Where the person is logged in at the provider's pages, they log in again before a client gets anything. */
async function forgetBrowsers(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom('sys_accounts_oauth_artifacts').where('account_id', '=', accountId).where('kind', '=', 'Session').execute();
}

async function addRefreshToken(tx: Tx, sessionId: string): Promise<string> {
  const token = newOpaqueToken();
  await tx.insertInto('sys_accounts_refresh_tokens').values({ token_hash: hashOf(token), session_id: sessionId, consumed_at: null }).execute();
  return token;
}

const inDays = (days: number) => sql<Date>`now() + ${days} * interval '1 day'`;
