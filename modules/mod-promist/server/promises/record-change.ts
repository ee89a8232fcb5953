import { prepared, type Transaction } from '@mainstay/kernel';
import type { Tables } from '../../database/tables.ts';

const insertChange = prepared<Tables>()((q, p: { promise_id: string; account_id: string; field: string; before: string; after: string }) =>
  q.insertInto('mod_promist_changes').values({ promise_id: p.promise_id, account_id: p.account_id, field: p.field, before: p.before, after: p.after }));

/** What happened to one field of a promise. */
export interface FieldChange {
  field: string;
  before?: string | Date | null;
  after?: string | Date | null;
}

/** Writes into the history of a promise who changed what. */
export async function recordChanges(tx: Transaction<Tables>, promiseId: string, account: string, changes: readonly FieldChange[]): Promise<void> {
  await recordChangesOf(tx, account, changes.map((change) => ({ promiseId, ...change })));
}

/** The same for several promises. */
export async function recordChangesOf(tx: Transaction<Tables>, account: string, changes: readonly (FieldChange & { promiseId: string })[]): Promise<void> {
  if (!changes.length) return;
  const rows = changes.map(({ promiseId, field, before, after }) => ({ promise_id: promiseId, account_id: account, field, before: written(before), after: written(after) }));
  tx.atCommit(rows.length === 1 ? insertChange.with(rows[0]!) : tx.insertInto('mod_promist_changes').values(rows));
}

const written = (value: string | Date | null | undefined): string => (value instanceof Date ? value.toISOString() : (value ?? ''));
