import type { ColumnType, Generated } from 'kysely';

/** A time the database sets unless it is given. */
type Stamp = ColumnType<Date, Date | undefined, Date>;

export interface Tables {
  sys_accounts_accounts: {
    id: Generated<string>;
    email: string | null;
    display_name: string;
    language: Generated<string>;
    time_zone: Generated<string>;
    avatar_url: Generated<string>;
    state: Generated<'ACTIVE' | 'LOCKED' | 'DEACTIVATED'>;
    lock_reason: Generated<string>;
    password_hash: string | null;
    password_change_required: Generated<boolean>;
    personal_org: string;
    home_org: string | null;
    version: Generated<number>;
    created_at: Stamp;
    updated_at: Stamp;
    last_login_at: Date | null;
  };
  sys_accounts_closed_emails: { email_hash: Uint8Array };
  sys_accounts_orgs: {
    id: Generated<string>;
    name: string;
    contact: Generated<string>;
    logo_url: Generated<string>;
    personal: Generated<boolean>;
    creator_id: string | null;
    version: Generated<number>;
    created_at: Stamp;
  };
  sys_accounts_projects: { id: Generated<string>; owner_org: string; name: string; version: Generated<number>; created_at: Stamp };
  sys_accounts_role_grants: {
    id: Generated<string>;
    account_id: string;
    role: 'USER' | 'ADMIN' | 'OPS' | 'SUPERADMIN';
    scope_org: string | null;
    scope_project: string | null;
    created_at: Stamp;
  };
  sys_accounts_sessions: {
    id: Generated<string>;
    account_id: string;
    acting_org: string;
    client_address: Generated<string>;
    created_at: Stamp;
    refreshed_at: Stamp;
    expires_at: Date;
    ended_at: Date | null;
  };
  sys_accounts_refresh_tokens: { token_hash: Uint8Array; session_id: string; created_at: Stamp; consumed_at: Date | null };
  sys_accounts_api_keys: {
    id: Generated<string>;
    account_id: string;
    acting_org: string;
    name: string;
    secret_hash: Uint8Array;
    created_at: Stamp;
    expires_at: Date | null;
    revoked_at: Date | null;
  };
  sys_accounts_signing_keys: {
    id: Generated<string>;
    public_jwk: ColumnType<object, string, never>;
    sealed_private_jwk: Uint8Array;
    created_at: Stamp;
    retired_at: Date | null;
  };
  sys_accounts_login_attempts: { key: Uint8Array; failures: number; expires_at: Date };
}
