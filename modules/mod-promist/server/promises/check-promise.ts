import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { withViolations, type FieldViolation } from '@mainstay/kernel';
import { Reminder_Method, type Promisee, type Reminder } from '../../contract/index.ts';
import type { MethodName } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { isStorable, timeBounds } from '../exchange/exchanged-promise.ts';
import type { Needs } from '../needs.ts';
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
  const date = timestampDate(time);
  if (isStorable(date)) return date;
  violations.add(field, `must be ${timeBounds}`);
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
export async function checkPromisee(needs: Pick<Needs, 'db' | 'accounts'>, promisee: Promisee | undefined, owner: string, violations: Violations, people?: Promisees): Promise<PromiseeColumns> {
  const nobody = { promisee_name: '', promisee_contact_id: null, promisee_account_id: null };
  const who = promisee?.who;
  if (!who?.case) return nobody;
  if (who.case === 'name') return { ...nobody, promisee_name: who.value.trim() };
  const found = people ?? (await findPromisees(needs, [promisee], owner));
  if (who.case === 'contactId') {
    const contact = found.contacts.get(who.value.toLowerCase());
    if (!contact) violations.add('promisee.contact_id', 'must be one of your contacts');
    return { ...nobody, promisee_contact_id: contact ?? null };
  }
  const account = found.accounts.get(who.value.toLowerCase());
  if (account) return { ...nobody, promisee_account_id: account };
  if (who.case === 'accountId') violations.add('promisee.account_id', 'must be an account of this org');
  return { ...nobody, promisee_name: who.value };
}

/** Who promisees are, found together: ids of contacts by themselves, of accounts by themselves and by address; all in lower case. */
export interface Promisees {
  contacts: Map<string, string>;
  accounts: Map<string, string>;
}

/** Finds the contacts and accounts that promisees name, in one go for each kind. */
export async function findPromisees(needs: Pick<Needs, 'db' | 'accounts'>, promisees: readonly (Promisee | undefined)[], owner: string): Promise<Promisees> {
  const named = (kind: 'contactId' | 'accountId' | 'email') => [...new Set(promisees.flatMap((promisee) => (promisee?.who.case === kind ? [promisee.who.value] : [])))];
  const [contactIds, ids, emails] = [named('contactId'), named('accountId'), named('email')];
  const [contacts, accounts] = await Promise.all([
    contactIds.length ? needs.db.read((q) => q.selectFrom('mod_promist_contacts').select('id').where('id', 'in', contactIds).where('owner_id', '=', owner).execute()) : [],
    ids.length + emails.length ? findPeople(needs, { ids, emails }) : [],
  ]);
  return {
    contacts: new Map(contacts.map(({ id }) => [id, id])),
    accounts: new Map(accounts.flatMap(({ accountId, email }) => [[accountId, accountId], [email.toLowerCase(), accountId]])),
  };
}
