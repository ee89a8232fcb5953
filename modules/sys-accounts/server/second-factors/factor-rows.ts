import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { create } from '@bufbuild/protobuf';
import { sql, type Selectable } from 'kysely';
import { Factor, SecondFactorSchema, type SecondFactor } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import type { Reader } from '../needs.ts';

export type FactorRow = Selectable<Tables['sys_accounts_second_factors']>;

/** How long a new factor, or a login, waits for its proof. */
export const provenWithin = sql`interval '10 minutes'`;

/** The second factors of an account that count. */
export const factorsOf = (q: Reader, accountId: string) => q.selectFrom('sys_accounts_second_factors').selectAll().where('account_id', '=', accountId).where('confirmed_at', 'is not', null).orderBy('id');

/** Whether the account of a row of `sys_accounts_accounts as a` has a second factor. */
export const hasSecondFactor = sql<boolean>`exists (select from sys_accounts_second_factors f where f.account_id = a.id and f.confirmed_at is not null)`;

/** A second factor as its owner sees it. */
export const factorMessage = (row: FactorRow): SecondFactor =>
  create(SecondFactorSchema, {
    secondFactorId: row.id,
    factor: Factor[row.kind],
    name: row.name,
    createTime: timestampFromDate(row.created_at),
    lastUseTime: row.last_used_at ? timestampFromDate(row.last_used_at) : undefined,
    backedUp: row.backed_up,
  });
