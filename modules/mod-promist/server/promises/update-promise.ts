import { caller, updatePaths, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { PromiseSchema, type BatchUpdatePromisesRequest, type Promise as PromiseMessage, type UpdatePromiseRequest } from '../../contract/index.ts';
import type { PromiseRow, Tables } from '../../database/tables.ts';
import { normalTags } from '../exchange/exchanged-promise.ts';
import type { Needs } from '../needs.ts';
import { atIndex, readMessages, requireEachOnce, tellPromisees } from './batch-promises.ts';
import { checkPromisee, checkTime, checkTitle, findPromisees, Violations, type Promisees } from './check-promise.ts';
import { checkChangeable, findPromise, findToChange } from './find-promise.ts';
import { findPromises } from './find-promises.ts';
import { promiseMessage } from './promise-message.ts';
import { recordChangesOf, type FieldChange } from './record-change.ts';

const updatable = ['title', 'description', 'made_at', 'due_time', 'promisee', 'tags'] as const;
type Field = (typeof updatable)[number];

export async function updatePromise(needs: Needs, { promise: wanted, updateMask }: UpdatePromiseRequest) {
  const { accountId } = caller();
  const promise = wanted!;
  const named = updatePaths(PromiseSchema, promise, updateMask, updatable);
  const { owner_id: owner } = await needs.db.read((q) => findPromise(q, promise.id, accountId));
  const values = await check(needs, promise, named, owner, new Violations('promise.'));
  await needs.db.write(async (tx) => {
    const before = await findToChange(tx, promise.id, accountId, promise.etag);
    await store(tx, [{ before, values }], accountId);
  });
  return promiseMessage(needs, promise.id, accountId);
}

export async function batchUpdatePromises(needs: Needs, { requests }: BatchUpdatePromisesRequest) {
  const { accountId } = caller();
  const ids = requests.map(({ promise }) => promise!.id);
  const field = (index: number) => `requests[${index}].promise.id`;
  requireEachOnce(ids, field);
  const rows = await needs.db.read((q) => findPromises(q, ids, accountId, field));
  const people = await findAllPromisees(needs, requests, rows);
  const values = await Promise.all(requests.map(({ promise, updateMask }, index) => {
    const named = atIndex(index, () => updatePaths(PromiseSchema, promise!, updateMask, updatable));
    return check(needs, promise!, named, rows[index]!.owner_id, new Violations(`requests[${index}].promise.`), people.get(rows[index]!.owner_id));
  }));
  await needs.db.write(async (tx) => {
    const locked = await findPromises(tx, ids, accountId, field, true);
    locked.forEach((row, index) => atIndex(index, () => checkChangeable(row, accountId, requests[index]!.promise!.etag)));
    await store(tx, locked.map((before, index) => ({ before, values: values[index]! })), accountId);
  });
  return { promises: await readMessages(needs, ids) };
}

/** Whom promises are made to is found among the contacts of each one's owner. */
async function findAllPromisees(needs: Needs, requests: readonly UpdatePromiseRequest[], rows: readonly PromiseRow[]): Promise<Map<string, Promisees>> {
  const byOwner = Map.groupBy(requests, (_, index) => rows[index]!.owner_id);
  return new Map(await Promise.all([...byOwner].map(async ([owner, own]) => [owner, await findPromisees(needs, own.map(({ promise }) => promise!.promisee), owner)] as const)));
}

type Values = Partial<Pick<PromiseRow, 'title' | 'description' | 'made_at' | 'due_time' | 'tags' | 'promisee_name' | 'promisee_contact_id' | 'promisee_account_id'>>;

async function check(needs: Needs, promise: PromiseMessage, named: Set<Field>, owner: string, violations: Violations, people?: Promisees): Promise<Values> {
  const madeAt = checkTime('made_at', promise.madeAt, violations);
  if (named.has('made_at') && !promise.madeAt) violations.add('made_at', 'must be given');
  const values: Values = {
    ...(named.has('title') && { title: checkTitle(promise.title, violations) }),
    ...(named.has('description') && { description: promise.description }),
    ...(named.has('made_at') && madeAt && { made_at: madeAt }),
    ...(named.has('due_time') && { due_time: checkTime('due_time', promise.dueTime, violations) ?? null }),
    ...(named.has('tags') && { tags: normalTags(promise.tags) }),
    ...(named.has('promisee') && (await checkPromisee(needs, promise.promisee, owner, violations, people))),
  };
  violations.throwIfAny();
  return values;
}

/** Stores what is different from before, with its history, in a few statements for all. */
async function store(tx: Transaction<Tables>, updates: readonly { before: PromiseRow; values: Values }[], account: string): Promise<void> {
  const changed = updates.map(({ before, values }) => ({ before, after: { ...before, ...values }, changes: changesOf(before, values) })).filter(({ changes }) => changes.length > 0);
  if (changed.length === 0) return;
  const rows = changed.map(({ after: { id, title, description, made_at, due_time, tags, promisee_name, promisee_contact_id, promisee_account_id } }) => ({ id, title, description, made_at, due_time, tags, promisee_name, promisee_contact_id, promisee_account_id }));
  await sql`
    update mod_promist_promises p set title = v.title, description = v.description, made_at = v.made_at, due_time = v.due_time, tags = v.tags, promisee_name = v.promisee_name,
      promisee_contact_id = v.promisee_contact_id, promisee_account_id = v.promisee_account_id, version = version + 1, update_time = now()
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as v (id uuid, title text, description text, made_at timestamptz, due_time timestamptz, tags text[], promisee_name text, promisee_contact_id uuid, promisee_account_id uuid)
    where p.id = v.id`.execute(tx);
  await recordChangesOf(tx, account, changed.flatMap(({ before, changes }) => changes.map((change) => ({ promiseId: before.id, ...change }))));
  const newPromisees = changed.filter(({ before, after }) => after.promisee_account_id !== before.promisee_account_id);
  for (const [owner, told] of Map.groupBy(newPromisees, ({ before }) => before.owner_id)) await tellPromisees(tx, told.map(({ after }) => ({ id: after.id, promisee: after.promisee_account_id, title: after.title })), owner);
}

function changesOf(before: PromiseRow, values: Values): FieldChange[] {
  const changes = (Object.keys(values) as (keyof Values)[]).map((column) => ({ field: column.replace(/^promisee_.*/, 'promisee'), before: textOf(before[column]), after: textOf(values[column]) }));
  return changes.filter((change) => change.before !== change.after);
}

function textOf(value: string | string[] | Date | null | undefined): string {
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}
