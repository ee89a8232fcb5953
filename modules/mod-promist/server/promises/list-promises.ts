import { caller, paginate, type Order } from '@mainstay/kernel';
import { sql, type ExpressionBuilder } from 'kysely';
import { ListPromisesRequest_Shelf as Shelf, ListPromisesRequest_View as View, Promise_State, type ListPromisesRequest } from '../../contract/index.ts';
import type { StateName } from '../../database/tables.ts';
import type { Needs, Reader } from '../needs.ts';
import { anywhere } from '../row-text.ts';
import { checkTime, Violations } from './check-promise.ts';
import { isVisible, promisesWithShare, type VisiblePromise } from './find-promise.ts';
import { promiseMessages } from './promise-message.ts';

type Query = ReturnType<typeof promisesWithShare>;

export async function listPromises(needs: Needs, request: ListPromisesRequest) {
  const { accountId } = caller();
  const { $typeName: list, pageSize, pageToken, ...query } = request;
  const paging = { secret: needs.deployment.secret, list, query: [accountId, query], pageSize, pageToken, orderBy: orders[request.orderBy] ?? orders['made_at desc']! };
  const { rows, nextPageToken } = await needs.db.read((q) => paginate(filtered(q, request, accountId), paging));
  return { promises: await promiseMessages(needs, rows as VisiblePromise[], accountId), nextPageToken };
}

const orders: Record<string, readonly Order[]> = {
  'made_at desc': [['p.made_at', 'desc'], ['p.id', 'desc']],
  made_at: [['p.made_at', 'asc'], ['p.id', 'asc']],
  due_time: [['p.due_order', 'asc'], ['p.id', 'asc']],
};

function filtered(q: Reader, request: ListPromisesRequest, account: string): Query {
  const violations = new Violations();
  const [after, before] = [checkTime('due_after', request.dueAfter, violations), checkTime('due_before', request.dueBefore, violations)];
  violations.throwIfAny();
  const { state, tag, q: words } = request;
  let query = onShelf(seenAs(promisesWithShare(q, account), request.view, account), request, account);
  if (state !== Promise_State.STATE_UNSPECIFIED) query = query.where('p.state', '=', Promise_State[state] as StateName);
  if (tag) query = query.where(sql<boolean>`p.tags @> array[${tag}]::text[]`);
  if (after) query = query.where('p.due_time', '>=', after);
  if (before) query = query.where('p.due_time', '<', before);
  for (const word of words.split(/\s+/).filter(Boolean)) query = query.where(says(word) as never);
  return query;
}

function seenAs(query: Query, view: View, account: string): Query {
  switch (view) {
    case View.TO_ME: return query.where('p.promisee_account_id', '=', account);
    case View.SHARED: return query.where('s.account_id', 'is not', null);
    case View.ALL: return query.where(isVisible(account) as never);
    default: return query.where('p.owner_id', '=', account);
  }
}

function onShelf(query: Query, { shelf, state }: ListPromisesRequest, account: string): Query {
  if (shelf === Shelf.DELETED) return query.where('p.delete_time', 'is not', null).where('p.owner_id', '=', account);
  const here = query.where('p.delete_time', 'is', null);
  if (shelf === Shelf.ARCHIVED) return here.where('p.archived', '=', true);
  const everything = shelf === Shelf.BOTH || (shelf === Shelf.SHELF_UNSPECIFIED && state !== Promise_State.STATE_UNSPECIFIED);
  return everything ? here : here.where('p.archived', '=', false);
}

const says = (word: string) => (eb: ExpressionBuilder<any, any>) =>
  eb.or(['p.title', 'p.description', 'p.promisee_name'].map((column) => eb(sql.ref(column), 'ilike', anywhere(word))));
