import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { caller, readList } from '@mainstay/kernel';
import type { ListChangesRequest } from '../../contract/index.ts';
import type { Needs } from '../needs.ts';
import { namesOf } from '../people/people.ts';
import { findPromise } from './find-promise.ts';
import { changeFields } from './promise-fields.ts';

export async function listChanges(needs: Needs, request: ListChangesRequest) {
  const { promiseId } = request;
  await needs.db.read((q) => findPromise(q, promiseId, caller().accountId));
  const options = { secret: needs.deployment.secret, fields: changeFields, defaultOrder: 'time desc' };
  const { rows, nextPageToken, totalSize } = await needs.db.read((q) => readList(q, q.selectFrom('mod_promist_changes').selectAll().where('promise_id', '=', promiseId), request, options));
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
  return { changes, nextPageToken, totalSize };
}
