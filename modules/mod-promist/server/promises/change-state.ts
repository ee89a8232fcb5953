import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { caller, currentTime, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { PromiseFailedSchema, PromiseFulfilledSchema } from '../../contract/index.ts';
import type { StateName, Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { Needs } from '../needs.ts';
import { armReminders, disarmReminders } from '../reminders/arm-reminders.ts';
import { findToChange, type VisiblePromise } from './find-promise.ts';
import { promiseMessage } from './promise-message.ts';
import { canGo, transitions, type Transition } from './promise-states.ts';
import { recordChanges } from './record-change.ts';

/** Keeps, breaks or reopens a promise. */
export async function changeState(needs: Needs, { promiseId: id, etag }: { promiseId: string; etag: string }, transition: Transition) {
  const { accountId } = caller();
  await needs.db.write(async (tx) => {
    const promise = await findToChange(tx, id, accountId, etag);
    if (!canGo(transition, promise.state)) throw refusal(promise.state);
    await enter(tx, promise, transitions[transition].to);
    await recordChanges(tx, id, accountId, [{ field: 'state', before: promise.state, after: transitions[transition].to }]);
  });
  return promiseMessage(needs, id, accountId);
}

const refusal = (state: StateName) =>
  errors.WRONG_STATE({ state: { PENDING: 'pending', FULFILLED: 'kept already', FAILED: 'broken already' }[state], hint: state === 'PENDING' ? 'there is nothing to reopen' : 'reopen it first' });

async function enter(tx: Transaction<Tables>, { id, owner_id, archived }: VisiblePromise, state: StateName): Promise<void> {
  const now = currentTime();
  await tx
    .updateTable('mod_promist_promises')
    .set({ state, settled_at: state === 'PENDING' ? null : now, archived: state === 'FULFILLED' || (state === 'FAILED' && archived), version: sql`version + 1`, update_time: now })
    .where('id', '=', id)
    .execute();
  if (state === 'PENDING') return armReminders(tx, id);
  await disarmReminders(tx, id);
  const about = { promiseId: id, ownerAccountId: owner_id };
  if (state === 'FULFILLED') await tx.emit(PromiseFulfilledSchema, { ...about, fulfilledAt: timestampFromDate(now) }, { aggregate: id });
  else await tx.emit(PromiseFailedSchema, { ...about, failedAt: timestampFromDate(now) }, { aggregate: id });
}
