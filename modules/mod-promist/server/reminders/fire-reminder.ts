import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { currentTime, job, type Transaction } from '@mainstay/kernel';
import { Reminder_Method, ReminderFiredSchema } from '../../contract/index.ts';
import type { ReminderRow, Tables } from '../../database/tables.ts';
import type { Needs } from '../needs.ts';
import { nextTime } from './recurrence.ts';

interface Payload {
  reminderId: string;
  /** The time the job was set for; a job that was overtaken by another does nothing. */
  fireTime: string;
}

/**
 * Tells a person of a promise at the time of a reminder, and sets the reminder for its next time. Runs once for each
 * time: what was missed while nothing ran is told once, and the rule goes on from now.
 */
export const fireReminder = job<Pick<Needs, 'db'>, Payload>('fire-reminder', ({ db }, { reminderId, fireTime }) =>
  db.write(async (tx) => {
    const due = await tx
      .selectFrom('mod_promist_reminders as r')
      .innerJoin('mod_promist_promises as p', 'p.id', 'r.promise_id')
      .selectAll('r')
      .select(['p.owner_id', 'p.title'])
      .where('r.id', '=', reminderId)
      .where('r.next_time', '=', new Date(fireTime))
      .where('p.state', '=', 'PENDING')
      .where('p.delete_time', 'is', null)
      .forUpdate()
      .executeTakeFirst();
    if (!due) return;
    await tell(tx, due, new Date(fireTime));
    await schedule(tx, due, currentTime());
  }));

async function tell(tx: Transaction<Tables>, due: ReminderRow & { owner_id: string; title: string }, fireTime: Date): Promise<void> {
  const told = await tx
    .insertInto('mod_promist_notifications')
    .values({ account_id: due.owner_id, kind: 'REMINDER', promise_id: due.promise_id, title: due.title, method: due.method, state: due.method === 'APP' ? 'DELIVERED' : 'WAITING', reminder_id: due.id, fire_time: fireTime })
    .onConflict((conflict) => conflict.columns(['reminder_id', 'fire_time']).doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!told) return;
  const event = { promiseId: due.promise_id, reminderId: due.id, accountId: due.owner_id, fireTime: timestampFromDate(fireTime), method: Reminder_Method[due.method], notificationId: told.id };
  await tx.emit(ReminderFiredSchema, event, { aggregate: due.promise_id });
}

/** Sets a reminder for its first time after `now`, if it has one. */
export async function schedule(tx: Transaction<Tables>, reminder: ReminderRow, now: Date): Promise<void> {
  const next = nextTime({ time: reminder.time, recurrence: reminder.recurrence, timeZone: reminder.time_zone }, now);
  await tx.updateTable('mod_promist_reminders').set({ next_time: next ?? null }).where('id', '=', reminder.id).execute();
  if (next) await enqueueAt(tx, reminder.id, next);
}

/** Queues the job that fires a reminder, in place of the one that waits. */
export const enqueueAt = (tx: Transaction<Tables>, reminderId: string, next: Date): Promise<void> =>
  tx.enqueue(fireReminder, { reminderId, fireTime: next.toISOString() }, { runAt: next, key: reminderId });
