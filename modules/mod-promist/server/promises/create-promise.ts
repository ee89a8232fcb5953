import { caller, currentTime, newId, prepared, type Transaction } from '@mainstay/kernel';
import { PromiseMadeSchema, type CreatePromiseRequest } from '../../contract/index.ts';
import type { PromiseRow, Tables } from '../../database/tables.ts';
import { normalTags } from '../exchange/exchanged-promise.ts';
import type { Needs } from '../needs.ts';
import { addReminder } from '../reminders/arm-reminders.ts';
import { checkPromisee, checkReminder, checkTime, checkTitle, Violations, type Promisees } from './check-promise.ts';
import { newPromiseMessage, promiseMessage } from './promise-message.ts';
import { recordChanges } from './record-change.ts';

type NewPromise = Omit<PromiseRow, 'due_order'>;

const insertPromise = prepared<Tables>()((q, p: Pick<NewPromise, 'id' | 'owner_id' | 'title' | 'description' | 'made_at' | 'due_time' | 'promisee_name' | 'promisee_contact_id' | 'promisee_account_id' | 'tags' | 'create_time'>) =>
  q.insertInto('mod_promist_promises').values({
    id: p.id, owner_id: p.owner_id, title: p.title, description: p.description, made_at: p.made_at, due_time: p.due_time, promisee_name: p.promisee_name,
    promisee_contact_id: p.promisee_contact_id, promisee_account_id: p.promisee_account_id, tags: p.tags, create_time: p.create_time, update_time: p.create_time,
  }));

export async function createPromise(needs: Needs, { promise }: CreatePromiseRequest) {
  const { accountId } = caller();
  const { values, reminders } = await checkNewPromise(needs, promise!, accountId);
  const now = currentTime();
  const row: NewPromise = { id: newId(), owner_id: accountId, ...values, state: 'PENDING', settled_at: null, archived: false, delete_time: null, source_key: null, source_hash: null, version: 1, create_time: now, update_time: now };
  const readBack = reminders.length > 0 || row.promisee_contact_id !== null;
  await needs.db.write(async (tx) => {
    // Where the answer is read back it must be there; else all of it travels with the commit.
    if (readBack) await insertPromise.all(tx, row);
    else tx.atCommit(insertPromise.with(row));
    for (const reminder of reminders) await addReminder(tx, row.id, reminder, true);
    await recordChanges(tx, row.id, accountId, [{ field: 'created', after: values.title }]);
    await announceMade(tx, { id: row.id, owner: accountId, promisee: values.promisee_account_id, title: values.title });
  });
  return readBack ? promiseMessage(needs, row.id, accountId) : newPromiseMessage(needs, row, accountId);
}

/** A promise as it is to be stored; `violations` knows where it stands in the request. Throws `INVALID_PROMISE`. */
export async function checkNewPromise(needs: Pick<Needs, 'db' | 'accounts'>, promise: NonNullable<CreatePromiseRequest['promise']>, owner: string, violations = new Violations('promise.'), people?: Promisees) {
  const now = currentTime();
  const values = {
    title: checkTitle(promise.title, violations),
    description: promise.description,
    made_at: checkTime('made_at', promise.madeAt, violations) ?? now,
    due_time: checkTime('due_time', promise.dueTime, violations) ?? null,
    tags: normalTags(promise.tags),
    ...(await checkPromisee(needs, promise.promisee, owner, violations, people)),
  };
  const reminders = promise.reminders.flatMap((reminder, index) => checkReminder(`reminders[${index}]`, reminder, now, violations) ?? []);
  violations.throwIfAny();
  return { values, reminders };
}

/** Announces a promise, and tells the person it was made to. */
async function announceMade(tx: Transaction<Tables>, { id, owner, promisee, title }: { id: string; owner: string; promisee: string | null; title: string }): Promise<void> {
  await tx.emit(PromiseMadeSchema, { promiseId: id, ownerAccountId: owner, promiseeAccountId: promisee ?? '' }, { aggregate: id });
  await tellPromisee(tx, { id, owner, promisee, title });
}

/** Tells a person of a promise that was made to them; not of one's own to oneself. */
async function tellPromisee(tx: Transaction<Tables>, { id, owner, promisee, title }: { id: string; owner: string; promisee: string | null; title: string }): Promise<void> {
  if (!promisee || promisee === owner) return;
  tx.atCommit(tx.insertInto('mod_promist_notifications').values({ account_id: promisee, kind: 'MADE_TO_YOU', promise_id: id, title }));
}
