import type { Generated } from 'kysely';

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
  sys_core_files: {
    id: Generated<string>;
    org_id: Generated<string>;
    owner_account_id: string | null;
    name: string;
    content_type: string;
    size: number;
    /** 64 hexadecimal digits. */
    sha256: string;
    visibility: 'PRIVATE' | 'ORG';
    state: Generated<'STORING' | 'READY'>;
    create_time: Generated<Date>;
  };
  sys_core_file_usage: {
    org_id: Generated<string>;
    bytes: number;
    files: number;
  };
  sys_core_settings: {
    module: string;
    key: string;
    /** Absent for the whole deployment. */
    org_id: string | null;
    /** Absent after a reset; wrapped, so that JSON's own null is told from none. */
    value: { is: unknown } | null;
    version: number;
    revision: number;
  };
  sys_core_webhook_endpoints: {
    id: Generated<string>;
    /** Absent for the deployment's. */
    org_id: string | null;
    url: string;
    description: string;
    event_types: string[];
    secret: Buffer;
    previous_secret: Buffer | null;
    previous_until: Date | null;
    state: Generated<'ENABLED' | 'DISABLED'>;
    disabled_because: Generated<string>;
    failing_since: Date | null;
    version: Generated<number>;
    create_time: Generated<Date>;
  };
  sys_core_webhook_deliveries: {
    id: string;
    endpoint_id: string;
    org_id: string | null;
    event_id: string;
    event_type: string;
    body: string;
    outcome: Generated<'PENDING' | 'DELIVERED' | 'FAILED'>;
    attempts: Generated<number>;
    next_try: Generated<Date | null>;
    claimed_until: Date | null;
    /** The last ones, the oldest first. */
    tries: Generated<WebhookTryRow[]>;
    create_time: Generated<Date>;
  };
  sys_core_setting_changes: {
    revision: number;
    module: string;
    key: string;
    org_id: string | null;
    version: number;
    before: { is: unknown } | null;
    after: { is: unknown } | null;
    reason: string;
    account_id: string | null;
    actor_account_id: string | null;
    time: Generated<Date>;
  };
}

/** A try to send a webhook. */
export interface WebhookTryRow {
  /** RFC 3339. */
  time: string;
  milliseconds: number;
  status: number;
  problem: string;
  excerpt: string;
}
