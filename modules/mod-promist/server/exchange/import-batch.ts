import { currentTime } from '@mainstay/kernel';
import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { PromisesImportedSchema } from '../../contract/index.ts';
import type { PromiseRow, Tables } from '../../database/tables.ts';
import type { Needs, Reader } from '../needs.ts';
import { isUuid } from '../row-text.ts';
import type { PromiseeColumns } from '../promises/check-promise.ts';
import { nextTime } from '../reminders/recurrence.ts';
import { enqueueAt } from '../reminders/fire-reminder.ts';
import { contentHash, hashLike, minutes, type Entry, type ExchangedPromise } from './exchanged-promise.ts';
import { exchangedRows } from './exchanged-rows.ts';
import { resolvePromisees } from './resolve-promisees.ts';

export type ImportedEntry = Extract<Entry, { promise: unknown }>;

/** A promise of the file with what is to be stored of it. */
interface Incoming {
  promise: ExchangedPromise;
  hash: string;
  promisee: PromiseeColumns;
}

interface Batch {
  fresh: Incoming[];
  changed: { row: PromiseRow; incoming: Incoming }[];
  unchanged: number;
  warnings: { line: number; reason: string }[];
}

/** Stores some promises of a file: new ones are added, changed ones updated, and those that say the same left alone. */
export async function importBatch(needs: Needs, entries: ImportedEntry[], owner: string) {
  const promiseeOf = await resolvePromisees(needs, entries.map(({ promise }) => promise), owner);
  const batch = await compare(needs, entries, owner, promiseeOf);
  const stored = await needs.db.write(async (tx) => {
    const added = await insertPromises(tx, batch.fresh, owner);
    for (const { row, incoming } of batch.changed) await updateRow(tx, row, incoming);
    const changed = batch.changed.map(({ row, incoming }) => ({ id: row.id, incoming }));
    await storeReminders(tx, [...added, ...changed]);
    await recordImport(tx, [...added.map((one) => ({ ...one, field: 'created' })), ...changed.map((one) => ({ ...one, field: 'imported' }))], owner);
    return added.length;
  });
  // Another import of the same file may have been quicker: what it stored is there already.
  return { imported: stored, updated: batch.changed.length, unchanged: batch.unchanged + batch.fresh.length - stored, warnings: batch.warnings };
}

/** Finds what is there already, by the name in its source or by its own id. */
async function compare(needs: Needs, entries: ImportedEntry[], owner: string, promiseeOf: (promisee: ExchangedPromise['promisee']) => PromiseeColumns): Promise<Batch> {
  const keys = entries.map(({ promise }) => promise.sourceKey);
  const ids = keys.flatMap((key) => idIn(key) ?? []);
  const found = await needs.db.read((q) => findRows(q, owner, keys, ids));
  const byKey = new Map(found.map((row) => [row.source_key ?? '', row]));
  const byId = new Map(found.map((row) => [row.id, row]));
  const rowOf = ({ sourceKey }: ExchangedPromise) => byKey.get(sourceKey) ?? byId.get(idIn(sourceKey) ?? '');
  const hashes = new Map<string, string>(entries.map(({ promise }) => [promise.sourceKey, contentHash(promise)]));
  const nameless = entries.filter(({ promise }) => promise.partial && !rowOf(promise)).map(({ promise }) => promise.title);
  const twins = nameless.length ? await needs.db.read((q) => findPending(q, owner, nameless)) : [];
  // Where the source says something else than last time, it may still say what is here.
  const differing = [...found.filter((row) => !row.source_hash || row.source_hash !== hashes.get(row.source_key ?? '')), ...twins];
  const told = new Map((await exchangedRows(needs, differing)).map((promise, index) => [differing[index]!.id, promise]));
  const saysSame = (row: PromiseRow, promise: ExchangedPromise) => told.has(row.id) && hashLike(told.get(row.id)!, promise) === contentHash({ ...promise, dueWords: undefined });
  const batch: Batch = { fresh: [], changed: [], unchanged: 0, warnings: [] };
  for (const { line, promise } of entries) {
    const twin = twins.findIndex((row) => promise.partial && row.title === promise.title && !rowOf(promise) && saysSame(row, promise));
    const row = rowOf(promise) ?? twins.splice(twin, twin < 0 ? 0 : 1)[0];
    const incoming = { promise, hash: hashes.get(promise.sourceKey)!, promisee: promiseeOf(promise.promisee) };
    if (!row) batch.fresh.push(incoming);
    else if (row.delete_time || row.source_hash === incoming.hash || saysSame(row, promise)) batch.unchanged += 1;
    else batch.changed.push({ row, incoming });
    if (row?.delete_time) batch.warnings.push({ line, reason: `"${promise.title.slice(0, 60)}" is among the recently deleted promises: restore it there` });
  }
  return batch;
}

/** What did not come from a file without names, but may stand in one: it was exported there. */
const findPending = (q: Reader, owner: string, titles: string[]): Promise<PromiseRow[]> =>
  q
    .selectFrom('mod_promist_promises')
    .selectAll()
    .where('owner_id', '=', owner)
    .where('state', '=', 'PENDING')
    .where('delete_time', 'is', null)
    .where(sql<boolean>`title in (select unnest(${titles}::text[]))`)
    .where(sql<boolean>`coalesce(source_key, '') not like 'csv:%'`)
    .execute();

/** Two statements, as each has an index of its own and a condition with "or" would use neither. */
async function findRows(q: Reader, owner: string, keys: string[], ids: string[]): Promise<PromiseRow[]> {
  const own = q.selectFrom('mod_promist_promises').selectAll().where('owner_id', '=', owner);
  const [named, other] = await Promise.all([
    own.where(sql<boolean>`source_key in (select unnest(${keys}::text[]))`).execute(),
    ids.length ? own.where(sql<boolean>`id in (select unnest(${ids}::uuid[]))`).execute() : [],
  ]);
  return [...new Map([...named, ...other].map((row) => [row.id, row])).values()];
}

function idIn(key: string): string | undefined {
  const id = key.startsWith('uid:') ? key.slice(4) : '';
  return isUuid(id) ? id.toLowerCase() : undefined;
}

/** The columns that a file decides. */
function columnsOf({ promise, hash, promisee }: Incoming, now: Date) {
  const { title, description, madeAt, dueTime, tags, state, archived, settledAt, sourceKey } = promise;
  return {
    title,
    description,
    made_at: madeAt ?? now,
    due_time: dueTime ?? null,
    ...promisee,
    tags,
    state,
    archived,
    settled_at: state === 'PENDING' ? null : (settledAt ?? now),
    source_key: sourceKey,
    source_hash: hash,
  };
}

async function insertPromises(tx: Transaction<Tables>, fresh: Incoming[], owner: string) {
  const now = currentTime();
  const values = JSON.stringify(fresh.map((incoming) => columnsOf(incoming, now)));
  const { rows } = await sql<{ id: string; source_key: string }>`
    insert into mod_promist_promises (owner_id, title, description, made_at, due_time, promisee_name, promisee_contact_id, promisee_account_id, tags, state, archived, settled_at, source_key, source_hash)
    select ${owner}::uuid, title, description, made_at, due_time, promisee_name, promisee_contact_id, promisee_account_id, tags, state, archived, settled_at, source_key, source_hash
    from jsonb_to_recordset(${values}::jsonb) as v (title text, description text, made_at timestamptz, due_time timestamptz, promisee_name text, promisee_contact_id uuid, promisee_account_id uuid, tags text[], state text, archived boolean, settled_at timestamptz, source_key text, source_hash text)
    on conflict (org_id, owner_id, source_key) do nothing
    returning id, source_key`.execute(tx);
  const byKey = new Map(fresh.map((incoming) => [incoming.promise.sourceKey, incoming]));
  return rows.map(({ id, source_key }) => ({ id, incoming: byKey.get(source_key)! }));
}

/** Takes over what the source says now. A promise that was kept or broken here stays so, though its source has not heard of it. */
async function updateRow(tx: Transaction<Tables>, row: PromiseRow, incoming: Incoming): Promise<void> {
  const { source_key, made_at, ...columns } = columnsOf(incoming, currentTime());
  const { partial, madeAt } = incoming.promise;
  const settledHere = columns.state === 'PENDING' && row.state !== 'PENDING';
  const { promisee_name, promisee_contact_id, promisee_account_id, archived } = row;
  await tx
    .updateTable('mod_promist_promises')
    .set({
      ...columns,
      ...(partial && { promisee_name, promisee_contact_id, promisee_account_id, archived }),
      ...(settledHere && { state: row.state, settled_at: row.settled_at, archived }),
      ...(madeAt && { made_at }),
      source_key: row.source_key ?? source_key,
      version: sql`version + 1`,
      update_time: sql`now()`,
    })
    .where('id', '=', row.id)
    .execute();
  if (!keepsReminders(row, incoming.promise)) await tx.deleteFrom('mod_promist_reminders').where('promise_id', '=', row.id).execute();
}

const keepsReminders = ({ due_time }: PromiseRow, { partial, reminders, dueTime }: ExchangedPromise) =>
  partial && !reminders.length && (due_time && minutes(due_time)) === (dueTime ? minutes(dueTime) : null);

/** Stores reminders; those of pending promises are set for what is still to come. */
async function storeReminders(tx: Transaction<Tables>, stored: { id: string; incoming: Incoming }[]): Promise<void> {
  const now = currentTime();
  const rows = stored.flatMap(({ id, incoming: { promise } }) =>
    promise.reminders.map(({ time, recurrence, timeZone, method }) => ({
      promise_id: id, time, recurrence, time_zone: timeZone, method,
      next_time: promise.state === 'PENDING' ? (nextTime({ time, recurrence, timeZone }, now) ?? null) : null,
    })));
  if (!rows.length) return;
  const { rows: made } = await sql<{ id: string; next_time: Date | null }>`
    insert into mod_promist_reminders (promise_id, time, recurrence, time_zone, method, next_time)
    select promise_id, time, recurrence, time_zone, method, next_time
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as v (promise_id uuid, time timestamptz, recurrence text, time_zone text, method text, next_time timestamptz)
    returning id, next_time`.execute(tx);
  for (const { id, next_time } of made) if (next_time) await enqueueAt(tx, id, next_time);
}

async function recordImport(tx: Transaction<Tables>, stored: { id: string; field: string; incoming: Incoming }[], owner: string): Promise<void> {
  if (!stored.length) return;
  const changes = stored.map(({ id, field, incoming }) => ({ id, field, title: incoming.promise.title }));
  await sql`
    insert into mod_promist_changes (promise_id, account_id, field, after)
    select id, ${owner}::uuid, field, title from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) as v (id uuid, field text, title text)`.execute(tx);
  // One event for all: ten thousand, one for each, would take longer than the import.
  await tx.emit(PromisesImportedSchema, { ownerAccountId: owner, promiseIds: stored.map(({ id }) => id) }, { aggregate: owner });
}
