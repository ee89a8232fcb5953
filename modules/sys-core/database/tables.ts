/** The module's tables, as Kysely takes them. */
export interface Tables {
  sys_core_audit_entries: {
    /** From 1, without gaps. */
    sequence: number;
    id: string;
    time: Date;
    module: string;
    method: string;
    outcome: string;
    principal_kind: 'account' | 'module' | 'anonymous';
    principal_id: string | null;
    actor_account_id: string | null;
    org_id: string | null;
    session_id: string | null;
    caller_module: string | null;
    client_address: string | null;
    trace_id: string;
    subjects: Record<string, string>;
    /** The hash of the entry before; 32 zeros for the first. */
    previous: Buffer;
    hash: Buffer;
  };
  sys_core_audit_seals: {
    sequence: number;
    hash: Buffer;
    time: Date;
    mac: Buffer;
  };
}
