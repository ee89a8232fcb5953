import { caller, filterPaths, readList, readMask, readPlannedList } from '@mainstay/kernel';
import { sql, type ExpressionBuilder } from 'kysely';
import { ListPromisesRequest_Shelf as Shelf, ListPromisesRequest_View as View, PromiseSchema, Promise_State, type ListPromisesRequest } from '../../contract/index.ts';
import type { StateName } from '../../database/tables.ts';
import type { Needs, Reader } from '../needs.ts';
import { anywhere } from '../row-text.ts';
import { checkTime, Violations } from './check-promise.ts';
import { promisesWithShare } from './find-promise.ts';
import { promiseFields } from './promise-fields.ts';
import { messagesOf } from './promise-message.ts';
import { withBeside } from './promises-beside.ts';

type Query = ReturnType<typeof promisesWithShare>;

export async function listPromises(needs: Needs, request: ListPromisesRequest) {
  const { accountId } = caller();
  const cut = readMask(PromiseSchema, request.readMask);
  const options = { secret: needs.deployment.secret, fields: promiseFields, defaultOrder: 'made_at desc' };
  const { rows, nextPageToken, totalSize } = await needs.db.read((q) => {
    if (!isPlain(request)) return readList(q, selects(q, request, accountId), request, options);
    const { view, shelf, state } = request;
    return readPlannedList(q, { key: `${view} ${shelf} ${state}`, values: { account: accountId }, build: (compiler, { account }) => selects(compiler, request, account) }, request, options);
  });
  return { promises: (await messagesOf(needs, rows, accountId)).map(cut), nextPageToken, totalSize };
}

/** Whether a request asks for a view, a shelf and a state, and nothing besides. */
const isPlain = ({ filter, countTotal, tag, dueAfter, dueBefore, q }: ListPromisesRequest): boolean => !filter && !countTotal && !tag && !dueAfter && !dueBefore && !q;

function selects(q: Reader, request: ListPromisesRequest, account: string) {
  const narrow = filtered(request);
  return seenAs(request, account).map((seen) => withBeside(narrow(onShelf(seen(promisesWithShare(q, account)), request, account)), account));
}

/** What belongs to a view, in parts that share no promise: each has an index, which conditions joined by OR would not use. */
function seenAs({ view, shelf }: ListPromisesRequest, account: string): ((query: Query) => Query)[] {
  const made = (query: Query) => query.where('p.owner_id', '=', account);
  const toMe = (query: Query) => query.where('p.promisee_account_id', '=', account);
  const shared = (query: Query) => query.where('s.account_id', 'is not', null);
  const byOthers = (query: Query) => query.where('p.owner_id', '<>', account);
  switch (view) {
    case View.TO_ME: return [toMe];
    case View.SHARED: return [shared];
    case View.ALL: return shelf === Shelf.DELETED ? [made] : [made, (query) => byOthers(toMe(query)), (query) => byOthers(shared(query)).where('p.promisee_account_id', 'is distinct from', account)];
    default: return [made];
  }
}

function onShelf(query: Query, { shelf, state, filter }: ListPromisesRequest, account: string): Query {
  if (shelf === Shelf.DELETED) return query.where('p.delete_time', 'is not', null).where('p.owner_id', '=', account);
  const here = query.where('p.delete_time', 'is', null);
  if (shelf === Shelf.ARCHIVED) return here.where('p.archived', '=', true);
  const asked = state !== Promise_State.STATE_UNSPECIFIED || ['state', 'archived'].some((field) => filterPaths(filter).has(field));
  return shelf === Shelf.BOTH || (shelf === Shelf.SHELF_UNSPECIFIED && asked) ? here : here.where('p.archived', '=', false);
}

/** What the fields of the request leave that are older than its filter. */
function filtered(request: ListPromisesRequest): (query: Query) => Query {
  const violations = new Violations();
  const [after, before] = [checkTime('due_after', request.dueAfter, violations), checkTime('due_before', request.dueBefore, violations)];
  violations.throwIfAny();
  const { state, tag, q: words } = request;
  return (query) => {
    if (state !== Promise_State.STATE_UNSPECIFIED) query = query.where('p.state', '=', Promise_State[state] as StateName);
    if (tag) query = query.where(sql<boolean>`p.tags @> array[${tag}]::text[]`);
    if (after) query = query.where('p.due_time', '>=', after);
    if (before) query = query.where('p.due_time', '<', before);
    for (const word of words.split(/\s+/).filter(Boolean)) query = query.where(says(word) as never);
    return query;
  };
}

const says = (word: string) => (eb: ExpressionBuilder<any, any>) =>
  eb.or(['p.title', 'p.description', 'p.promisee_name'].map((column) => eb(sql.ref(column), 'ilike', anywhere(word))));
