import { currentTime } from '@mainstay/kernel';
import type { Transaction } from '@mainstay/kernel';
import type { ReminderRow, Tables } from '../../database/tables.ts';
import type { NewReminder } from '../promises/check-promise.ts';
import { enqueueAt, fireReminder, schedule } from './fire-reminder.ts';

/** Adds a reminder that has a time to come, and sets it. */
export async function addReminder(tx: Transaction<Tables>, promiseId: string, { time, recurrence, timeZone, method, next }: NewReminder, armed: boolean): Promise<ReminderRow> {
  const row = await tx
    .insertInto('mod_promist_reminders')
    .values({ promise_id: promiseId, time, recurrence, time_zone: timeZone, method, next_time: armed ? next : null })
    .returningAll()
    .executeTakeFirstOrThrow();
  if (armed) await enqueueAt(tx, row.id, next);
  return row;
}

/** Sets the reminders of a promise that is pending again; times that passed meanwhile stay silent. */
export async function armReminders(tx: Transaction<Tables>, promiseId: string): Promise<void> {
  const now = currentTime();
  for (const reminder of await remindersOf(tx, promiseId)) await schedule(tx, reminder, now);
}

/** Switches the reminders of a promise off; they can be set again. */
export async function disarmReminders(tx: Transaction<Tables>, promiseId: string): Promise<void> {
  for (const reminder of await remindersOf(tx, promiseId)) if (reminder.next_time) await tx.cancel(fireReminder, reminder.id);
  await tx.updateTable('mod_promist_reminders').set({ next_time: null }).where('promise_id', '=', promiseId).execute();
}

const remindersOf = (tx: Transaction<Tables>, promiseId: string) =>
  tx.selectFrom('mod_promist_reminders').selectAll().where('promise_id', '=', promiseId).execute();
