import { withViolations } from '@mainstay/kernel';
import { errors } from '../../errors.ts';
import type { Reader } from '../needs.ts';
import { isUuid } from '../row-text.ts';
import { isVisible, promisesWithShare, type VisiblePromise } from './find-promise.ts';

/** Several promises that the person may see, in the order of `ids`. Throws `PROMISE_NOT_FOUND` for any other; `field` says where in the request its id stands. */
export async function findPromises(q: Reader, ids: readonly string[], account: string, field: (index: number) => string, lock = false): Promise<VisiblePromise[]> {
  const found = await readPromises(q, ids.filter(isUuid), account, lock);
  const byId = new Map(found.map((row) => [row.id, row]));
  return ids.map((id, index) => byId.get(id.toLowerCase()) ?? notFound(id, field(index)));
}

async function readPromises(q: Reader, ids: readonly string[], account: string, lock: boolean): Promise<VisiblePromise[]> {
  if (ids.length === 0) return [];
  // In the order of their ids, so that two batches do not wait for each other.
  const query = promisesWithShare(q, account).where('p.id', 'in', ids).where(isVisible(account) as never).orderBy('p.id');
  return (await (lock ? query.forUpdate('p') : query).execute()) as VisiblePromise[];
}

function notFound(promiseId: string, field: string): never {
  throw withViolations(errors.PROMISE_NOT_FOUND({ promiseId }), [{ field, description: 'there is no such promise' }]);
}
