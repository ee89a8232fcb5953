import { sql, type SelectQueryBuilder } from 'kysely';
import type { ReminderRow, Tables } from '../../database/tables.ts';
import type { promisesWithShare } from './find-promise.ts';

export interface ShareRow { promise_id: string; account_id: string; permission: 'VIEW' | 'KEEP'; create_time: Date }

/** What rows of other tables say about a promise, as JSON in the promise's own row: absent where there are none. */
export interface BesideColumns {
  reminders: JsonRow<ReminderRow>[] | null;
  shares: JsonRow<ShareRow>[] | null;
  contact_name: string | null;
}

type JsonRow<R> = { [K in keyof R]: R[K] extends Date ? string : Date extends R[K] ? string | null : R[K] };
type Query = ReturnType<typeof promisesWithShare>;
type Row<Q> = Q extends SelectQueryBuilder<any, any, infer R> ? R : never;
type WithBeside = Query extends SelectQueryBuilder<infer DB, infer TB, any> ? SelectQueryBuilder<DB, TB, Row<Query> & BesideColumns> : never;

/** Reads with each promise what other tables say about it, so that a list costs one statement. */
export const withBeside = (query: Query, account: string): WithBeside =>
  query.select([
    sql`(select json_agg(r order by r.time, r.id) from ${table('mod_promist_reminders')} r where r.promise_id = p.id)`.as('reminders'),
    // Only the owner sees with whom it is shared.
    sql`case when p.owner_id = ${account} then (select json_agg(o order by o.create_time, o.account_id) from ${table('mod_promist_shares')} o where o.promise_id = p.id) end`.as('shares'),
    sql`(select c.name from ${table('mod_promist_contacts')} c where c.id = p.promisee_contact_id)`.as('contact_name'),
  ]) as unknown as WithBeside;

const table = (name: keyof Tables) => sql.table(name);

/** The rows of others in their own types. */
export function besideOf(rows: readonly (BesideColumns & { id: string; promisee_contact_id: string | null })[]) {
  return {
    reminders: new Map(rows.map(({ id, reminders }) => [id, (reminders ?? []).map(reminderOf)])),
    shares: new Map(rows.map(({ id, shares }) => [id, (shares ?? []).map((share): ShareRow => ({ ...share, create_time: new Date(share.create_time) }))])),
    contacts: new Map(rows.flatMap(({ promisee_contact_id: id, contact_name: name }) => (id && name !== null ? [[id, name] as const] : []))),
  };
}

const reminderOf = (row: JsonRow<ReminderRow>): ReminderRow => ({ ...row, time: new Date(row.time), next_time: row.next_time === null ? null : new Date(row.next_time) });
