import { requireMatch } from '@mainstay/kernel';
import type { ExpressionBuilder } from 'kysely';
import type { PromiseRow, Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { isUuid } from '../row-text.ts';
import type { Reader } from '../needs.ts';

export type PermissionName = 'VIEW' | 'KEEP' | 'OWN';
export type VisiblePromise = PromiseRow & { shared: 'VIEW' | 'KEEP' | null };

type PromiseAndShare = Tables & { p: Tables['mod_promist_promises']; s: { promise_id: string | null; account_id: string | null; permission: 'VIEW' | 'KEEP' | null } };

/** Promises together with what the person was granted of them. */
export const promisesWithShare = (q: Reader, account: string) =>
  q.selectFrom('mod_promist_promises as p')
    .leftJoin('mod_promist_shares as s', (join) => join.onRef('s.promise_id', '=', 'p.id').on('s.account_id', '=', account))
    .selectAll('p')
    .select('s.permission as shared');

/** Who sees a promise: who made it, whom it was made to, with whom it is shared. A deleted one only who made it. */
export const isVisible = (account: string) => (eb: ExpressionBuilder<PromiseAndShare, 'p' | 's'>) =>
  eb.or([
    eb('p.owner_id', '=', account),
    eb.and([eb('p.delete_time', 'is', null), eb.or([eb('p.promisee_account_id', '=', account), eb('s.account_id', 'is not', null)])]),
  ]);

export const permissionOf = (promise: VisiblePromise, account: string): PermissionName =>
  promise.owner_id === account ? 'OWN' : (promise.shared ?? 'VIEW');

/** A promise that the person may see. Throws `PROMISE_NOT_FOUND` for any other, so that nobody learns that it exists. */
export async function findPromise(q: Reader, id: string, account: string, lock = false): Promise<VisiblePromise> {
  if (!isUuid(id)) throw errors.PROMISE_NOT_FOUND({ promiseId: id });
  const query = promisesWithShare(q, account).where('p.id', '=', id).where(isVisible(account) as never);
  const found = await (lock ? query.forUpdate('p') : query).executeTakeFirst();
  if (!found) throw errors.PROMISE_NOT_FOUND({ promiseId: id });
  return found as VisiblePromise;
}

/** A promise that the person may change, of the version that `etag` names, locked until the transaction ends. */
export async function findToChange(tx: Reader, id: string, account: string, etag?: string): Promise<VisiblePromise> {
  return checkChangeable(await findPromise(tx, id, account, true), account, etag);
}

export function checkChangeable(promise: VisiblePromise, account: string, etag?: string): VisiblePromise {
  if (permissionOf(promise, account) === 'VIEW') throw errors.READ_ONLY();
  if (promise.delete_time) throw errors.DELETED();
  requireMatch(promise.version, etag, errors.CHANGED_MEANWHILE());
  return promise;
}

/** A promise that the person made, deleted or not, of the version that `etag` names, locked until the transaction ends. */
export async function findOwn(tx: Reader, id: string, account: string, etag?: string): Promise<VisiblePromise> {
  return checkOwn(await findPromise(tx, id, account, true), account, etag);
}

export function checkOwn(promise: VisiblePromise, account: string, etag?: string): VisiblePromise {
  if (permissionOf(promise, account) !== 'OWN') throw errors.NOT_OWNER();
  requireMatch(promise.version, etag, errors.CHANGED_MEANWHILE());
  return promise;
}
