import { caller, withViolations } from '@mainstay/kernel';
import { sql } from 'kysely';
import { Permission, PromiseSharedSchema, type SharePromiseRequest, type UnsharePromiseRequest } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import type { Needs } from '../needs.ts';
import { personOf } from '../people/people.ts';
import { findOwn, findPromise } from './find-promise.ts';
import { promiseMessage } from './promise-message.ts';
import { recordChanges } from './record-change.ts';

export async function sharePromise(needs: Needs, { promiseId, account, permission, etag }: SharePromiseRequest) {
  const { accountId } = caller();
  await needs.db.read((q) => findPromise(q, promiseId, accountId));
  const person = await personOf(needs, account);
  if (person.accountId === accountId) throw withViolations(errors.INVALID_PROMISE({ summary: 'it is yours already' }), [{ field: 'account', description: 'must be somebody else' }]);
  const granted = permission === Permission.KEEP ? 'KEEP' : 'VIEW';
  await needs.db.write(async (tx) => {
    const promise = await findOwn(tx, promiseId, accountId, etag);
    if (promise.delete_time) throw errors.DELETED();
    const before = await tx.selectFrom('mod_promist_shares').select('permission').where('promise_id', '=', promiseId).where('account_id', '=', person.accountId).executeTakeFirst();
    if (before?.permission === granted) return;
    await tx
      .insertInto('mod_promist_shares')
      .values({ promise_id: promiseId, account_id: person.accountId, permission: granted })
      .onConflict((conflict) => conflict.columns(['promise_id', 'account_id']).doUpdateSet({ permission: granted }))
      .execute();
    await touch(tx, promiseId);
    await recordChanges(tx, promiseId, accountId, [{ field: 'shares', before: before && `${person.displayName}: ${before.permission}`, after: `${person.displayName}: ${granted}` }]);
    if (!before) await tx.insertInto('mod_promist_notifications').values({ account_id: person.accountId, kind: 'SHARED', promise_id: promiseId, title: promise.title }).execute();
    await tx.emit(PromiseSharedSchema, { promiseId, ownerAccountId: accountId, accountId: person.accountId, permission: Permission[granted] }, { aggregate: promiseId });
  });
  return promiseMessage(needs, promiseId, accountId);
}

export async function unsharePromise(needs: Needs, { promiseId, account, etag }: UnsharePromiseRequest) {
  const { accountId } = caller();
  await needs.db.read((q) => findPromise(q, promiseId, accountId));
  const person = await personOf(needs, account);
  await needs.db.write(async (tx) => {
    await findOwn(tx, promiseId, accountId, etag);
    const ended = await tx.deleteFrom('mod_promist_shares').where('promise_id', '=', promiseId).where('account_id', '=', person.accountId).returning('permission').executeTakeFirst();
    if (!ended) throw errors.NOT_SHARED({ account });
    await touch(tx, promiseId);
    await recordChanges(tx, promiseId, accountId, [{ field: 'shares', before: `${person.displayName}: ${ended.permission}` }]);
  });
  return promiseMessage(needs, promiseId, accountId);
}

type Writer = Parameters<Parameters<Needs['db']['write']>[0]>[0];

const touch = (tx: Writer, id: string) =>
  tx.updateTable('mod_promist_promises').set({ version: sql`version + 1`, update_time: sql`now()` }).where('id', '=', id).execute();
