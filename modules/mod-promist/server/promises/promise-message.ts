import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { etagOf, prepared } from '@mainstay/kernel';
import type { Compilable } from 'kysely';
import { Permission, Promise_State, Reminder_Method, type PromiseSchema, type ReminderSchema, type PromiseeSchema } from '../../contract/index.ts';
import type { ReminderRow, Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { Needs, Reader } from '../needs.ts';
import { namesOf } from '../people/people.ts';
import { isUuid } from '../row-text.ts';
import { isVisible, permissionOf, promisesWithShare, type VisiblePromise } from './find-promise.ts';
import { besideOf, withBeside, type BesideColumns, type ShareRow } from './promises-beside.ts';

type Message = MessageInitShape<typeof PromiseSchema>;

/** What rows elsewhere say about promises. */
interface Beside {
  reminders: Map<string, ReminderRow[]>;
  shares: Map<string, ShareRow[]>;
  contacts: Map<string, string>;
  names: Map<string, string>;
}

/** One promise as the person may see it. Throws `PROMISE_NOT_FOUND`. */
export async function promiseMessage(needs: Pick<Needs, 'db' | 'accounts'>, id: string, account: string): Promise<Message> {
  if (!isUuid(id)) throw errors.PROMISE_NOT_FOUND({ promiseId: id });
  const row = await needs.db.read((q) => visiblePromise.first(q, { id, account }));
  if (!row) throw errors.PROMISE_NOT_FOUND({ promiseId: id });
  const [message] = await messagesOf(needs, [row], account);
  return message!;
}

const visiblePromise = prepared<Tables>()((q, { id, account }: { id: string; account: string }) =>
  withBeside(promisesWithShare(q, account), account).where('p.id', '=', id).where(isVisible(account) as never) as unknown as Compilable<VisiblePromise & BesideColumns>);

/** A promise that has just been made, which nobody else has a part in yet; not one to a contact. */
export async function newPromiseMessage(needs: Pick<Needs, 'accounts'>, row: Omit<VisiblePromise, 'due_order' | 'shared'>, account: string): Promise<Message> {
  const [message] = await messagesOf(needs, [{ ...row, due_order: 0, shared: null, reminders: null, shares: null, contact_name: null }], account);
  return message!;
}

/** Promises as the person may see them, in the same order. */
export const promiseMessages = async (needs: Pick<Needs, 'db' | 'accounts'>, rows: VisiblePromise[], account: string): Promise<Message[]> =>
  messagesBeside(needs, rows, account, await needs.db.read((q) => readBeside(q, rows, account)));

/** Promises that were read together with what is beside them. */
export const messagesOf = (needs: Pick<Needs, 'accounts'>, rows: (VisiblePromise & BesideColumns)[], account: string): Promise<Message[]> =>
  messagesBeside(needs, rows, account, besideOf(rows));

async function messagesBeside(needs: Pick<Needs, 'accounts'>, rows: VisiblePromise[], account: string, { reminders, shares, contacts }: Omit<Beside, 'names'>): Promise<Message[]> {
  const people = [...rows.flatMap((row) => row.promisee_account_id ?? []), ...[...shares.values()].flat().map((share) => share.account_id)];
  const names = people.length ? await namesOf(needs, people) : new Map<string, string>();
  return rows.map((row) => messageOf(row, account, { reminders, shares, contacts, names }));
}

async function readBeside(q: Reader, rows: VisiblePromise[], account: string): Promise<Omit<Beside, 'names'>> {
  const ids = rows.map((row) => row.id);
  const own = rows.filter((row) => row.owner_id === account).map((row) => row.id);
  const contactIds = rows.flatMap((row) => row.promisee_contact_id ?? []);
  const [reminders, shares, contacts] = await Promise.all([
    ids.length ? q.selectFrom('mod_promist_reminders').selectAll().where('promise_id', 'in', ids).orderBy('time').orderBy('id').execute() : [],
    own.length ? q.selectFrom('mod_promist_shares').selectAll().where('promise_id', 'in', own).orderBy('create_time').orderBy('account_id').execute() : [],
    contactIds.length ? q.selectFrom('mod_promist_contacts').select(['id', 'name']).where('id', 'in', contactIds).execute() : [],
  ]);
  return {
    reminders: Map.groupBy(reminders, (row) => row.promise_id),
    shares: Map.groupBy(shares, (row) => row.promise_id),
    contacts: new Map(contacts.map(({ id, name }) => [id, name])),
  };
}

function messageOf(row: VisiblePromise, account: string, { reminders, shares, contacts, names }: Beside): Message {
  const settled = timestampIfAny(row.settled_at);
  const promisee = promiseeOf(row, contacts, names);
  const shared = (shares.get(row.id) ?? []).map((share) => ({ accountId: share.account_id, displayName: names.get(share.account_id) ?? '', permission: Permission[share.permission], createTime: timestampFromDate(share.create_time) }));
  return {
    id: row.id,
    title: row.title,
    description: row.description,
    madeAt: timestampFromDate(row.made_at),
    dueTime: timestampIfAny(row.due_time),
    promisee,
    reminders: (reminders.get(row.id) ?? []).map(reminderMessage),
    tags: row.tags,
    state: Promise_State[row.state],
    archived: row.archived,
    deleteTime: timestampIfAny(row.delete_time),
    fulfilledAt: row.state === 'FULFILLED' ? settled : undefined,
    failedAt: row.state === 'FAILED' ? settled : undefined,
    ownerAccountId: row.owner_id,
    permission: Permission[permissionOf(row, account)],
    shares: shared,
    createTime: timestampFromDate(row.create_time),
    updateTime: timestampFromDate(row.update_time),
    etag: etagOf(row.version, shownBeside(row, promisee?.displayName, reminders.get(row.id), shared)),
  };
}

const timestampIfAny = (time: Date | null) => (time ? timestampFromDate(time) : undefined);

function promiseeOf(row: VisiblePromise, contacts: Map<string, string>, names: Map<string, string>): MessageInitShape<typeof PromiseeSchema> | undefined {
  const { promisee_account_id: accountId, promisee_contact_id: contactId, promisee_name: name } = row;
  if (accountId) return { who: { case: 'accountId', value: accountId }, displayName: names.get(accountId) ?? name };
  if (contactId) return { who: { case: 'contactId', value: contactId }, displayName: contacts.get(contactId) ?? name };
  return name ? { who: { case: 'name', value: name }, displayName: name } : undefined;
}

export const reminderMessage = (row: ReminderRow): MessageInitShape<typeof ReminderSchema> => ({
  id: row.id,
  time: timestampFromDate(row.time),
  recurrence: row.recurrence,
  timeZone: row.time_zone,
  method: Reminder_Method[row.method],
  nextTime: timestampIfAny(row.next_time),
});

/** What an answer shows of others, which can change while the promise does not. */
function shownBeside(row: VisiblePromise, promisee: string | undefined, reminders: readonly ReminderRow[] = [], shares: readonly { displayName: string }[]): unknown {
  if (!row.promisee_account_id && !row.promisee_contact_id && reminders.length === 0 && shares.length === 0) return undefined;
  return [promisee, reminders.map(({ id, next_time }) => [id, next_time]), shares.map(({ displayName }) => displayName)];
}
