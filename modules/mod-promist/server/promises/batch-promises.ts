import { caller, currentTime, newId, readMask, type Transaction, withViolations } from '@mainstay/kernel';
import { sql } from 'kysely';
import { PromiseMadeSchema, PromiseSchema, type BatchCreatePromisesRequest, type BatchDeletePromisesRequest, type BatchGetPromisesRequest } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { Needs } from '../needs.ts';
import { addReminder } from '../reminders/arm-reminders.ts';
import { fireReminder } from '../reminders/fire-reminder.ts';
import { findPromisees, Violations } from './check-promise.ts';
import { checkNewPromise } from './create-promise.ts';
import { checkOwn } from './find-promise.ts';
import { findPromises } from './find-promises.ts';
import { promiseMessages } from './promise-message.ts';

export async function batchGetPromises(needs: Needs, { promiseIds, readMask: mask }: BatchGetPromisesRequest) {
  const { accountId } = caller();
  const cut = readMask(PromiseSchema, mask);
  const rows = await needs.db.read((q) => findPromises(q, promiseIds, accountId, (index) => `promise_ids[${index}]`));
  return { promises: (await promiseMessages(needs, rows, accountId)).map(cut) };
}

export async function batchCreatePromises(needs: Needs, { requests }: BatchCreatePromisesRequest) {
  const { accountId } = caller();
  const people = await findPromisees(needs, requests.map(({ promise }) => promise!.promisee), accountId);
  const made = await Promise.all(requests.map(async ({ promise }, index) => ({ id: newId(), ...(await checkNewPromise(needs, promise!, accountId, new Violations(`requests[${index}].promise.`), people)) })));
  await needs.db.write(async (tx) => {
    await insertPromises(tx, made, accountId);
    for (const { id, reminders } of made) for (const reminder of reminders) await addReminder(tx, id, reminder, true);
    for (const { id, values } of made) await tx.emit(PromiseMadeSchema, { promiseId: id, ownerAccountId: accountId, promiseeAccountId: values.promisee_account_id ?? '' }, { aggregate: id });
  });
  return { promises: await readMessages(needs, made.map(({ id }) => id)) };
}

type NewPromise = Awaited<ReturnType<typeof checkNewPromise>> & { id: string };

/** Stores promises, the beginning of their history, and what the people they are made to are told. */
async function insertPromises(tx: Transaction<Tables>, made: readonly NewPromise[], owner: string): Promise<void> {
  const rows = JSON.stringify(made.map(({ id, values }) => ({ id, ...values })));
  await sql`
    insert into mod_promist_promises (id, owner_id, title, description, made_at, due_time, promisee_name, promisee_contact_id, promisee_account_id, tags)
    select id, ${owner}::uuid, title, description, made_at, due_time, promisee_name, promisee_contact_id, promisee_account_id, tags
    from jsonb_to_recordset(${rows}::jsonb) as v (id uuid, title text, description text, made_at timestamptz, due_time timestamptz, promisee_name text, promisee_contact_id uuid, promisee_account_id uuid, tags text[])`.execute(tx);
  await sql`
    insert into mod_promist_changes (promise_id, account_id, field, after)
    select id, ${owner}::uuid, 'created', title from jsonb_to_recordset(${rows}::jsonb) as v (id uuid, title text)`.execute(tx);
  await tellPromisees(tx, made.map(({ id, values }) => ({ id, promisee: values.promisee_account_id, title: values.title })), owner);
}

/** Tells people of promises that were made to them; nobody of their own. */
export async function tellPromisees(tx: Transaction<Tables>, promises: readonly { id: string; promisee: string | null; title: string }[], owner: string): Promise<void> {
  const told = promises.filter(({ promisee }) => promisee && promisee !== owner);
  if (told.length === 0) return;
  await sql`
    insert into mod_promist_notifications (account_id, kind, promise_id, title)
    select promisee, 'MADE_TO_YOU', id, title from jsonb_to_recordset(${JSON.stringify(told)}::jsonb) as v (id uuid, promisee uuid, title text)`.execute(tx);
}

export async function batchDeletePromises(needs: Needs, { requests }: BatchDeletePromisesRequest) {
  const { accountId } = caller();
  const ids = requests.map(({ promiseId }) => promiseId);
  requireEachOnce(ids, (index) => `requests[${index}].promise_id`);
  await needs.db.write(async (tx) => {
    const rows = await findPromises(tx, ids, accountId, (index) => `requests[${index}].promise_id`, true);
    rows.forEach((row, index) => atIndex(index, () => {
      checkOwn(row, accountId, requests[index]!.etag);
      if (row.delete_time) throw errors.DELETED();
    }));
    const found = rows.map(({ id }) => id);
    const now = currentTime();
    await tx.updateTable('mod_promist_promises').set({ delete_time: now, version: sql`version + 1`, update_time: sql`now()` }).where(sql<boolean>`id = any(${found}::uuid[])`).execute();
    const stopped = await tx.updateTable('mod_promist_reminders').set({ next_time: null }).where(sql<boolean>`promise_id = any(${found}::uuid[])`).where('next_time', 'is not', null).returning('id').execute();
    for (const { id } of stopped) await tx.cancel(fireReminder, id);
    await sql`insert into mod_promist_changes (promise_id, account_id, field, after) select id, ${accountId}::uuid, 'delete_time', ${now.toISOString()} from unnest(${found}::uuid[]) as v (id)`.execute(tx);
  });
  return { promises: await readMessages(needs, ids) };
}

/** The promises as they are now. */
export async function readMessages(needs: Needs, ids: readonly string[]) {
  const { accountId } = caller();
  const rows = await needs.db.read((q) => findPromises(q, ids, accountId, (index) => `requests[${index}]`));
  return promiseMessages(needs, rows, accountId);
}

/** Throws `INVALID_PROMISE` for a promise that a batch names twice. */
export function requireEachOnce(ids: readonly string[], field: (index: number) => string): void {
  const violations = new Violations();
  const named = ids.map((id) => id.toLowerCase());
  named.forEach((id, index) => {
    if (named.indexOf(id) !== index) violations.add(field(index), 'names a promise that the batch has named before');
  });
  violations.throwIfAny();
}

/** Says of an error which request of a batch it is about. */
export function atIndex<T>(index: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withViolations(error as Parameters<typeof withViolations>[0], [{ field: `requests[${index}]`, description: (error as { rawMessage: string }).rawMessage }]);
  }
}
