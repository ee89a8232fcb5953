import { caller } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Promise as PromiseMessage, UpdatePromiseRequest } from '../../contract/index.ts';
import type { PromiseRow } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { normalTags } from '../exchange/exchanged-promise.ts';
import type { Needs } from '../needs.ts';
import { checkPromisee, checkTime, checkTitle, Violations } from './check-promise.ts';
import { tellPromisee } from './create-promise.ts';
import { findPromise, findToChange } from './find-promise.ts';
import { etagOf, promiseMessage } from './promise-message.ts';
import { recordChanges, type FieldChange } from './record-change.ts';

/** The fields that an update may name, and whether a promise sets them. */
const fields = {
  title: (promise: PromiseMessage) => promise.title !== '',
  description: (promise: PromiseMessage) => promise.description !== '',
  made_at: (promise: PromiseMessage) => promise.madeAt !== undefined,
  due_time: (promise: PromiseMessage) => promise.dueTime !== undefined,
  promisee: (promise: PromiseMessage) => promise.promisee !== undefined,
  tags: (promise: PromiseMessage) => promise.tags.length > 0,
};
type Field = keyof typeof fields;

export async function updatePromise(needs: Needs, { promise: wanted, updateMask }: UpdatePromiseRequest) {
  const { accountId } = caller();
  const promise = wanted!;
  const { owner_id: owner } = await needs.db.read((q) => findPromise(q, promise.id, accountId));
  const values = await check(needs, promise, namedFields(promise, updateMask?.paths), owner);
  await needs.db.write(async (tx) => {
    const before = await findToChange(tx, promise.id, accountId);
    if (promise.etag && promise.etag !== etagOf(before)) throw errors.CHANGED_MEANWHILE();
    const changes = changesOf(before, values);
    if (!changes.length) return;
    await tx.updateTable('mod_promist_promises').set({ ...values, version: sql`version + 1`, update_time: sql`now()` }).where('id', '=', before.id).execute();
    await recordChanges(tx, before.id, accountId, changes);
    const promisee = values.promisee_account_id ?? null;
    if (promisee !== before.promisee_account_id) await tellPromisee(tx, { id: before.id, owner, promisee, title: values.title ?? before.title });
  });
  return promiseMessage(needs, promise.id, accountId);
}

function namedFields(promise: PromiseMessage, paths: readonly string[] = []): Set<Field> {
  const all = Object.keys(fields) as Field[];
  if (!paths.length) return new Set(all.filter((field) => fields[field](promise)));
  if (paths.includes('*')) return new Set(all);
  const violations = new Violations('promise.');
  const named = paths.map((path) => (path.startsWith('promisee.') ? 'promisee' : path));
  for (const path of named) if (!Object.hasOwn(fields, path)) violations.add(path.slice(0, 60), `can't be changed by an update: update_mask may name ${all.join(', ')}`);
  violations.throwIfAny();
  return new Set(named as Field[]);
}

type Values = Partial<Pick<PromiseRow, 'title' | 'description' | 'made_at' | 'due_time' | 'tags' | 'promisee_name' | 'promisee_contact_id' | 'promisee_account_id'>>;

async function check(needs: Needs, promise: PromiseMessage, named: Set<Field>, owner: string): Promise<Values> {
  const violations = new Violations('promise.');
  const madeAt = checkTime('made_at', promise.madeAt, violations);
  if (named.has('made_at') && !promise.madeAt) violations.add('made_at', 'must be given');
  const values: Values = {
    ...(named.has('title') && { title: checkTitle(promise.title, violations) }),
    ...(named.has('description') && { description: promise.description }),
    ...(named.has('made_at') && madeAt && { made_at: madeAt }),
    ...(named.has('due_time') && { due_time: checkTime('due_time', promise.dueTime, violations) ?? null }),
    ...(named.has('tags') && { tags: normalTags(promise.tags) }),
    ...(named.has('promisee') && (await checkPromisee(needs, promise.promisee, owner, violations))),
  };
  violations.throwIfAny();
  return values;
}

function changesOf(before: PromiseRow, values: Values): FieldChange[] {
  const changes = (Object.keys(values) as (keyof Values)[]).map((column) => ({ field: column.replace(/^promisee_.*/, 'promisee'), before: textOf(before[column]), after: textOf(values[column]) }));
  return changes.filter((change) => change.before !== change.after);
}

function textOf(value: string | string[] | Date | null | undefined): string {
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}
