import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { withViolations, type FieldViolation } from '@mainstay/kernel';
import { Reminder_Method, type Promisee, type Reminder } from '../../contract/index.ts';
import type { MethodName } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { earliest, latest } from '../exchange/exchanged-promise.ts';
import type { Needs, Reader } from '../needs.ts';
import { findPeople } from '../people/people.ts';
import { nextTime, normalRule, problemOf, type Schedule } from '../reminders/recurrence.ts';

/** Gathers everything that is wrong with a promise, so that the caller learns of it at once. */
export class Violations {
  readonly #found: FieldViolation[] = [];
  readonly #prefix: string;

  /** `prefix` is where the checked fields stand in the request. */
  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  add(field: string, description: string): void {
    this.#found.push({ field: `${this.#prefix}${field}`, description });
  }

  /** Throws `INVALID_PROMISE` if anything was wrong. */
  throwIfAny(): void {
    const [first] = this.#found;
    if (first) throw withViolations(errors.INVALID_PROMISE({ summary: `${first.field} ${first.description}` }), this.#found);
  }
}

export function checkTitle(title: string, violations: Violations): string {
  const trimmed = title.trim();
  if (!trimmed) violations.add('title', 'must not be empty');
  if (/[\r\n]/.test(trimmed)) violations.add('title', 'must be one line');
  return trimmed;
}

export function checkTime(field: string, time: Timestamp | undefined, violations: Violations): Date | undefined {
  if (!time) return undefined;
  const seconds = Number(time.seconds);
  if (seconds * 1000 >= earliest && seconds * 1000 < latest) return timestampDate(time);
  violations.add(field, 'must be between the years 1900 and 9999');
  return undefined;
}

export interface NewReminder extends Schedule {
  method: MethodName;
  next: Date;
}

/** A reminder as it is kept; it must have a time to come. */
export function checkReminder(field: string, reminder: Reminder, now: Date, violations: Violations): NewReminder | undefined {
  const time = checkTime(`${field}.time`, reminder.time, violations);
  if (!reminder.time) violations.add(`${field}.time`, 'must be given');
  if (!time) return undefined;
  const schedule = { time, recurrence: normalRule(reminder.recurrence), timeZone: reminder.timeZone || 'UTC' };
  const problem = problemOf(schedule);
  const next = problem ? undefined : nextTime(schedule, now);
  if (problem) violations.add(problem.includes('time zone') ? `${field}.time_zone` : `${field}.recurrence`, problem);
  else if (!next) violations.add(`${field}.time`, 'must be in the future');
  return next && { ...schedule, method: methodName(reminder.method), next };
}

const methodName = (method: Reminder_Method): MethodName => (Reminder_Method[method || Reminder_Method.APP] as MethodName);

export interface PromiseeColumns {
  promisee_name: string;
  promisee_contact_id: string | null;
  promisee_account_id: string | null;
}

/** Finds out who is meant; an address of nobody in the org is kept as a name. */
export async function checkPromisee(needs: Pick<Needs, 'db' | 'accounts'>, promisee: Promisee | undefined, owner: string, violations: Violations): Promise<PromiseeColumns> {
  const nobody = { promisee_name: '', promisee_contact_id: null, promisee_account_id: null };
  const who = promisee?.who;
  if (!who?.case) return nobody;
  if (who.case === 'name') return { ...nobody, promisee_name: who.value.trim() };
  if (who.case === 'contactId') {
    const contact = await needs.db.read((q) => ownContact(q, who.value, owner));
    if (!contact) violations.add('promisee.contact_id', 'must be one of your contacts');
    return { ...nobody, promisee_contact_id: contact?.id ?? null };
  }
  const [person] = await findPeople(needs, who.case === 'email' ? { emails: [who.value] } : { ids: [who.value] });
  if (person) return { ...nobody, promisee_account_id: person.accountId };
  if (who.case === 'accountId') violations.add('promisee.account_id', 'must be an account of this org');
  return { ...nobody, promisee_name: who.value };
}

export const ownContact = (q: Reader, id: string, owner: string) =>
  q.selectFrom('mod_promist_contacts').select(['id', 'name']).where('id', '=', id).where('owner_id', '=', owner).executeTakeFirst();
