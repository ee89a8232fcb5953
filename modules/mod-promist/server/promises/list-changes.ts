import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { caller, paginate } from '@mainstay/kernel';
import type { ListChangesRequest } from '../../contract/index.ts';
import type { Needs } from '../needs.ts';
import { namesOf } from '../people/people.ts';
import { findPromise } from './find-promise.ts';

export async function listChanges(needs: Needs, request: ListChangesRequest) {
  const { accountId } = caller();
  await needs.db.read((q) => findPromise(q, request.promiseId, accountId));
  const { $typeName: list, promiseId, pageSize, pageToken } = request;
  const paging = { secret: needs.deployment.secret, list, query: promiseId, pageSize, pageToken, orderBy: [['id', 'desc']] as const };
  const { rows, nextPageToken } = await needs.db.read((q) => paginate(q.selectFrom('mod_promist_changes').selectAll().where('promise_id', '=', promiseId), paging));
  const names = rows.length ? await namesOf(needs, rows.map((row) => row.account_id)) : new Map<string, string>();
  const changes = rows.map((row) => ({
    id: row.id,
    accountId: row.account_id,
    displayName: names.get(row.account_id) ?? '',
    time: timestampFromDate(row.time),
    field: row.field,
    before: row.before,
    after: row.after,
  }));
  return { changes, nextPageToken };
}
