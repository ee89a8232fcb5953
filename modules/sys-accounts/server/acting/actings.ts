import { sql } from 'kysely';
import type { Reader } from '../needs.ts';

const isActive = sql<boolean>`(s.id is not null and s.ended_at is null and s.expires_at > now())`;

/** Who acts, or acted, for whom, with the name of who does and whether it goes on. */
export const actingsOf = (q: Reader) =>
  q
    .selectFrom('sys_accounts_actings as x')
    .innerJoin('sys_accounts_accounts as actor', 'actor.id', 'x.actor_id')
    .leftJoin('sys_accounts_sessions as s', 's.id', 'x.session_id')
    .select(['x.id', 'x.account_id', 'x.actor_id', 'x.reason', 'x.created_at', 'x.expires_at', 'actor.display_name as actor_name', isActive.as('active')])
    .select(sql<Date>`coalesce(s.ended_at, x.expires_at)`.as('ended_at'));

export type ActingRow = Awaited<ReturnType<ReturnType<typeof actingsOf>['executeTakeFirstOrThrow']>>;

/** One of them, if it goes on. */
export const openActing = (q: Reader, id: string) => actingsOf(q).where('x.id', '=', id).where(isActive).executeTakeFirst();

/** Those that go on for an account. */
export const openActings = (q: Reader, accountId: string) => actingsOf(q).where('x.account_id', '=', accountId).where(isActive).orderBy('x.id').execute();
