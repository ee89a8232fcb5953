import type { AuditEntry } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import type { Tables } from '../../database/tables.ts';

/** An entry as it was appended, from its row. */
export function entryOfRow(row: Selectable<Tables['sys_core_audit_entries']>): AuditEntry {
  const { id, time, module, method, outcome, subjects } = row;
  return {
    id,
    time,
    module,
    method,
    outcome,
    principalKind: row.principal_kind,
    principalId: row.principal_id ?? undefined,
    actorAccountId: row.actor_account_id ?? undefined,
    orgId: row.org_id ?? undefined,
    sessionId: row.session_id ?? undefined,
    callerModule: row.caller_module ?? undefined,
    clientAddress: row.client_address ?? undefined,
    traceId: row.trace_id,
    subjects,
  };
}
