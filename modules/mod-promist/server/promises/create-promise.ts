import { caller, type Transaction } from '@mainstay/kernel';
import { PromiseMadeSchema, type CreatePromiseRequest } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { normalTags } from '../exchange/exchanged-promise.ts';
import type { Needs } from '../needs.ts';
import { addReminder } from '../reminders/arm-reminders.ts';
import { checkPromisee, checkReminder, checkTime, checkTitle, Violations, type Promisees } from './check-promise.ts';
import { promiseMessage } from './promise-message.ts';
import { recordChanges } from './record-change.ts';

export async function createPromise(needs: Needs, { promise }: CreatePromiseRequest) {
  const { accountId } = caller();
  const { values, reminders } = await checkNewPromise(needs, promise!, accountId);
  const id = await needs.db.write(async (tx) => {
    const made = await tx.insertInto('mod_promist_promises').values({ owner_id: accountId, ...values }).returning('id').executeTakeFirstOrThrow();
    for (const reminder of reminders) await addReminder(tx, made.id, reminder, true);
    await recordChanges(tx, made.id, accountId, [{ field: 'created', after: values.title }]);
    await announceMade(tx, { id: made.id, owner: accountId, promisee: values.promisee_account_id, title: values.title });
    return made.id;
  });
  return promiseMessage(needs, id, accountId);
}

/** A promise as it is to be stored; `violations` knows where it stands in the request. Throws `INVALID_PROMISE`. */
export async function checkNewPromise(needs: Pick<Needs, 'db' | 'accounts'>, promise: NonNullable<CreatePromiseRequest['promise']>, owner: string, violations = new Violations('promise.'), people?: Promisees) {
  const now = new Date();
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
export async function announceMade(tx: Transaction<Tables>, { id, owner, promisee, title }: { id: string; owner: string; promisee: string | null; title: string }): Promise<void> {
  await tx.emit(PromiseMadeSchema, { promiseId: id, ownerAccountId: owner, promiseeAccountId: promisee ?? '' }, { aggregate: id });
  await tellPromisee(tx, { id, owner, promisee, title });
}

/** Tells a person of a promise that was made to them; not of one's own to oneself. */
export async function tellPromisee(tx: Transaction<Tables>, { id, owner, promisee, title }: { id: string; owner: string; promisee: string | null; title: string }): Promise<void> {
  if (!promisee || promisee === owner) return;
  await tx.insertInto('mod_promist_notifications').values({ account_id: promisee, kind: 'MADE_TO_YOU', promise_id: id, title }).execute();
}
