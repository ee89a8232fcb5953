import { caller, currentTime } from '@mainstay/kernel';
import { sql } from 'kysely';
import { errors } from '../../errors.ts';
import type { Needs } from '../needs.ts';
import { armReminders, disarmReminders } from '../reminders/arm-reminders.ts';
import { findOwn, findToChange } from './find-promise.ts';
import { promiseMessage } from './promise-message.ts';
import { recordChanges } from './record-change.ts';

/** Puts a promise into the archive, or takes it out; a kept one stays there until it is reopened. */
export async function setArchived(needs: Needs, { promiseId: id, etag }: { promiseId: string; etag: string }, archived: boolean) {
  const { accountId } = caller();
  await needs.db.write(async (tx) => {
    const promise = await findToChange(tx, id, accountId, etag);
    if (!archived && promise.state === 'FULFILLED') throw errors.WRONG_STATE({ state: 'kept', hint: 'a kept promise stays archived, reopen it first' });
    if (promise.archived === archived) return;
    await tx.updateTable('mod_promist_promises').set({ archived, version: sql`version + 1`, update_time: sql`now()` }).where('id', '=', id).execute();
    await recordChanges(tx, id, accountId, [{ field: 'archived', before: String(promise.archived), after: String(archived) }]);
  });
  return promiseMessage(needs, id, accountId);
}

/** Puts a promise among the recently deleted ones, or brings it back. */
export async function setDeleted(needs: Needs, { promiseId: id, etag }: { promiseId: string; etag: string }, deleted: boolean) {
  const { accountId } = caller();
  await needs.db.write(async (tx) => {
    const promise = await findOwn(tx, id, accountId, etag);
    if (deleted === (promise.delete_time !== null)) throw deleted ? errors.DELETED() : errors.NOT_DELETED();
    const deleteTime = deleted ? currentTime() : null;
    await tx.updateTable('mod_promist_promises').set({ delete_time: deleteTime, version: sql`version + 1`, update_time: sql`now()` }).where('id', '=', id).execute();
    if (deleted) await disarmReminders(tx, id);
    else if (promise.state === 'PENDING') await armReminders(tx, id);
    await recordChanges(tx, id, accountId, [{ field: 'delete_time', before: promise.delete_time, after: deleteTime }]);
  });
  return promiseMessage(needs, id, accountId);
}
