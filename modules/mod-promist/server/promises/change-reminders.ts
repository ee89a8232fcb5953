import { caller, currentTime, withViolations } from '@mainstay/kernel';
import type { AddReminderRequest, RemoveReminderRequest } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { isUuid } from '../row-text.ts';
import type { Needs } from '../needs.ts';
import { addReminder as add } from '../reminders/arm-reminders.ts';
import { fireReminder } from '../reminders/fire-reminder.ts';
import { checkReminder, Violations } from './check-promise.ts';
import { findToChange } from './find-promise.ts';
import { reminderMessage } from './promise-message.ts';
import { recordChanges } from './record-change.ts';

const most = 20;

export async function addReminder({ db }: Needs, { promiseId, reminder }: AddReminderRequest) {
  const { accountId } = caller();
  return db.write(async (tx) => {
    const promise = await findToChange(tx, promiseId, accountId);
    const violations = new Violations();
    const checked = checkReminder('reminder', reminder!, currentTime(), violations);
    violations.throwIfAny();
    const { count } = await tx.selectFrom('mod_promist_reminders').select((eb) => eb.fn.countAll<number>().as('count')).where('promise_id', '=', promiseId).executeTakeFirstOrThrow();
    if (count >= most) throw withViolations(errors.INVALID_PROMISE({ summary: `it has ${most} reminders already` }), [{ field: 'reminder', description: `a promise may have ${most} reminders at most` }]);
    const row = await add(tx, promiseId, checked!, promise.state === 'PENDING');
    await recordChanges(tx, promiseId, accountId, [{ field: 'reminders', after: [row.time.toISOString(), row.recurrence].filter(Boolean).join(' ') }]);
    return reminderMessage(row);
  });
}

export async function removeReminder({ db }: Needs, { promiseId, reminderId }: RemoveReminderRequest) {
  const { accountId } = caller();
  await db.write(async (tx) => {
    await findToChange(tx, promiseId, accountId);
    if (!isUuid(reminderId)) throw errors.REMINDER_NOT_FOUND({ reminderId });
    const removed = await tx.deleteFrom('mod_promist_reminders').where('id', '=', reminderId).where('promise_id', '=', promiseId).returningAll().executeTakeFirst();
    if (!removed) throw errors.REMINDER_NOT_FOUND({ reminderId });
    await tx.cancel(fireReminder, reminderId);
    await recordChanges(tx, promiseId, accountId, [{ field: 'reminders', before: [removed.time.toISOString(), removed.recurrence].filter(Boolean).join(' ') }]);
  });
  return {};
}
