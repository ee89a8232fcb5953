import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Selectable } from 'kysely';
import { AuditEntry_PrincipalKind as Kind, type AuditEntrySchema } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';

const kinds = { account: Kind.ACCOUNT, module: Kind.MODULE, anonymous: Kind.ANONYMOUS };

/** An entry of the audit as its readers get it. */
export const auditMessage = (row: Selectable<Tables['sys_core_audit_entries']>): MessageInitShape<typeof AuditEntrySchema> => ({
  entryId: row.id,
  sequence: BigInt(row.sequence),
  time: timestampFromDate(row.time),
  module: row.module,
  method: row.method,
  outcome: row.outcome,
  principalKind: kinds[row.principal_kind],
  accountId: row.principal_kind === 'account' ? (row.principal_id ?? '') : '',
  actorAccountId: row.actor_account_id ?? '',
  actingModule: row.principal_kind === 'module' ? (row.principal_id ?? '') : '',
  orgId: row.org_id ?? '',
  sessionId: row.session_id ?? '',
  callerModule: row.caller_module ?? '',
  clientAddress: row.client_address ?? '',
  traceId: row.trace_id,
  subjects: row.subjects,
  hash: row.hash.toString('hex'),
});
