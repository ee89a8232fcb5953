import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { currentCall, readList, type Database } from '@mainstay/kernel';
import { sql, type Kysely } from 'kysely';
import type { ListAuditEntriesRequest } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { actingAccount, listFields } from '../list-fields.ts';
import { requireOrg } from '../require-org.ts';

/** One page of the audit; of the caller's org alone, unless the guard lets the call act across orgs. */
export function listEntries(db: Database<Tables>, secret: string, request: ListAuditEntriesRequest) {
  const orgId = orgToList(request.orgId);
  return db.read((q) => readList(q, narrowed(q, request, orgId), request, { secret, fields: listFields.auditEntries, defaultOrder: 'time desc' }));
}

/** The org whose entries a call may list; undefined for those of all. */
function orgToList(asked: string): string | undefined {
  const { acrossOrgs, principal } = currentCall();
  if (asked) requireOrg(asked);
  if (asked || acrossOrgs) return asked || undefined;
  return principal.kind === 'account' ? principal.orgId : undefined;
}

function narrowed(q: Kysely<Tables>, asked: ListAuditEntriesRequest, orgId: string | undefined) {
  const equal = { org_id: orgId, actor_account_id: asked.actorAccountId, method: asked.method, module: asked.module, outcome: asked.outcome, trace_id: asked.traceId };
  let query = q.selectFrom('sys_core_audit_entries').selectAll();
  for (const [column, value] of Object.entries(equal)) if (value) query = query.where(column as keyof typeof equal, '=', value);
  if (asked.accountId) query = query.where(actingAccount, '=', asked.accountId);
  // The index of outcomes holds those alone.
  if (asked.failed || (asked.outcome && asked.outcome !== 'OK')) query = query.where('outcome', '<>', sql.lit('OK'));
  if (asked.startTime) query = query.where('time', '>=', atOrAfter(asked.startTime));
  if (asked.endTime) query = query.where('time', '<', atOrAfter(asked.endTime));
  if (asked.subjectId) query = query.where(sql<boolean>`jsonb_path_query_array(subjects, '$.*') @> jsonb_build_array(${asked.subjectId}::text)`);
  return query;
}

/** Entries have milliseconds: the first one that is not before a time. */
const atOrAfter = (time: Timestamp): Date => new Date(timestampDate(time).getTime() + (time.nanos % 1_000_000 === 0 ? 0 : 1));
