import type { JsonObject } from '@bufbuild/protobuf';
import type { ColumnType, Generated } from 'kysely';

/** A time the database sets unless it is given. */
type Stamp = ColumnType<Date, Date | undefined, Date>;

/** A value that is not there unless it is given. */
type Absent<T> = ColumnType<T | null, T | null | undefined, T | null>;

export interface Tables {
  sys_accounts_accounts: {
    id: Generated<string>;
    email: string | null;
    display_name: string;
    language: Generated<string>;
    time_zone: Generated<string>;
    avatar_url: Generated<string>;
    /** Drawn in migrations/0026-dormant.sql. */
    state: Generated<'ACTIVE' | 'DORMANT' | 'LOCKED' | 'DEACTIVATED'>;
    lock_reason: Generated<string>;
    password_hash: string | null;
    password_change_required: Generated<boolean>;
    personal_org: string;
    home_org: string | null;
    version: Generated<number>;
    created_at: Stamp;
    updated_at: Stamp;
    last_login_at: Date | null;
    email_verified_at: Absent<Date>;
    /** The org that made the account; whether it still looks after it: server/directory/managed-accounts.ts. */
    managing_org: Absent<string>;
    locking_org: Absent<string>;
  };
  sys_accounts_registrations: {
    id: Generated<string>;
    account_id: Absent<string>;
    email: string;
    display_name: Generated<string>;
    language: string;
    time_zone: string;
    password_hash: string | null;
    tries: Generated<number>;
    created_at: Stamp;
    expires_at: Date;
  };
  sys_accounts_invitations: {
    id: Generated<string>;
    owner_org: string;
    email: string;
    role: 'USER' | 'ADMIN';
    scope_project: string | null;
    inviter_id: string | null;
    language: string;
    created_at: Stamp;
    expires_at: Date;
  };
  sys_accounts_email_changes: { id: Generated<string>; account_id: string; new_email: string; agreed_at: Absent<Date>; confirmed_at: Absent<Date>; created_at: Stamp; expires_at: Date };
  sys_accounts_actings: { id: Generated<string>; account_id: string; actor_id: string; session_id: string | null; reason: string; created_at: Stamp; expires_at: Date };
  sys_accounts_issues: {
    id: Generated<string>;
    subject: string;
    description: string;
    trace_id: Generated<string>;
    state: Generated<'ISSUE_OPEN' | 'ISSUE_RESOLVED'>;
    resolution: Generated<string>;
    raiser_id: string;
    created_at: Stamp;
    resolved_at: Date | null;
  };
  sys_accounts_issue_comments: { id: Generated<string>; issue_id: string; author_id: string; text: string; created_at: Stamp };
  sys_accounts_user_requests: {
    id: Generated<string>;
    owner_org: string;
    account_id: string;
    kind: 'ACCESS' | 'ROLE' | 'HELP';
    role: 'USER' | 'ADMIN' | null;
    scope_project: string | null;
    text: string;
    state: Generated<'OPEN' | 'APPROVED' | 'DECLINED' | 'WITHDRAWN'>;
    answer: Generated<string>;
    decider_id: Absent<string>;
    created_at: Stamp;
    decided_at: Date | null;
  };
  sys_accounts_password_resets: { id: Generated<string>; email: string; account_id: Absent<string>; created_at: Stamp; expires_at: Date };
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
    by_group: Generated<boolean>;
    created_at: Stamp;
  };
  sys_accounts_email_domains: { id: Generated<string>; owner_org: string; domain: string; challenge: string; verified_at: Absent<Date>; voucher_id: Absent<string>; created_at: Stamp };
  sys_accounts_group_mappings: { id: Generated<string>; owner_org: string; group_name: string; role: 'USER' | 'ADMIN'; scope_project: string | null; created_at: Stamp };
  sys_accounts_login_groups: { owner_org: string; account_id: string; group_names: string[] };
  sys_accounts_directory_users: {
    owner_org: string;
    account_id: string;
    resource: ColumnType<Record<string, unknown>, string, string>;
    version: Generated<number>;
    created_at: Stamp;
    updated_at: Stamp;
  };
  sys_accounts_directory_groups: { id: Generated<string>; owner_org: string; display_name: string; external_id: string | null; version: Generated<number>; created_at: Stamp; updated_at: Stamp };
  sys_accounts_directory_group_members: { group_id: string; account_id: string };
  sys_accounts_sessions: {
    id: Generated<string>;
    account_id: string;
    acting_org: string;
    actor_id: Absent<string>;
    device_name: Generated<string>;
    client_address: Generated<string>;
    client_id: Generated<string | null>;
    client_sid: Generated<string | null>;
    created_at: Stamp;
    refreshed_at: Stamp;
    expires_at: Date;
    ended_at: Date | null;
    amr: Generated<string[]>;
    acr: Generated<string>;
    auth_time: Absent<Date>;
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
  sys_accounts_oauth_clients: {
    id: Generated<string>;
    owner_org: string;
    name: string;
    secret_hash: Uint8Array | null;
    metadata: ColumnType<Record<string, unknown>, string, string>;
    service_role: 'USER' | 'ADMIN' | null;
    disabled: Generated<boolean>;
    version: Generated<number>;
    created_at: Stamp;
    updated_at: Stamp;
  };
  sys_accounts_oauth_artifacts: {
    kind: string;
    key_hash: Uint8Array;
    sealed: Uint8Array;
    session_id: string | null;
    account_id: string | null;
    uid: string | null;
    user_code_hash: Uint8Array | null;
    consumed_at: Date | null;
    expires_at: Date;
  };
  sys_accounts_id_token_keys: { id: Generated<string>; sealed_private_jwk: Uint8Array; created_at: Stamp; retired_at: Date | null };
  sys_accounts_login_attempts: { key: Uint8Array; failures: number; expires_at: Date };
  sys_accounts_second_factors: {
    id: Generated<string>;
    account_id: string;
    kind: 'TOTP' | 'PASSKEY' | 'EMAIL_CODE';
    name: string;
    created_at: Stamp;
    confirmed_at: Absent<Date>;
    last_used_at: Absent<Date>;
    challenge: Absent<Uint8Array>;
    tries: Generated<number>;
    sealed_secret: Absent<Uint8Array>;
    last_step: Generated<number>;
    credential_id: Absent<Uint8Array>;
    public_key: Absent<Uint8Array>;
    counter: Generated<number>;
    transports: Generated<string[]>;
    device_bound: Generated<boolean>;
    backed_up: Generated<boolean>;
  };
  sys_accounts_recovery_codes: { code_hash: Uint8Array; account_id: string; created_at: Stamp };
  sys_accounts_remembered_devices: {
    id: Generated<string>;
    account_id: string;
    token_hash: Uint8Array;
    password_mark: Uint8Array;
    client_address: Generated<string>;
    created_at: Stamp;
    last_used_at: Stamp;
    expires_at: Date;
  };
  sys_accounts_login_places: { account_id: string; place_hash: Uint8Array; seen_at: Stamp };
  sys_accounts_logins: {
    token_hash: Uint8Array;
    account_id: string | null;
    amr: string[];
    session_id: string | null;
    wanted_org: string | null;
    password_mark: Absent<Uint8Array>;
    challenge: Absent<Uint8Array>;
    email_codes_sent: Generated<number>;
    next_password_hash: Absent<string>;
    new_password: Generated<boolean>;
    tries: Generated<number>;
    created_at: Stamp;
    expires_at: Date;
  };
  sys_accounts_identity_providers: {
    id: Generated<string>;
    owner_org: string;
    name: string;
    kind: 'OIDC' | 'OAUTH2' | 'SAML';
    settings: ColumnType<JsonObject, string, string>;
    sealed_secret: Absent<Uint8Array>;
    trusts_second_factor: Generated<boolean>;
    just_in_time: Generated<boolean>;
    disabled: Generated<boolean>;
    version: Generated<number>;
    created_at: Stamp;
    updated_at: Stamp;
  };
  sys_accounts_external_identities: { id: Generated<string>; provider_id: string; subject: string; account_id: string; email: Generated<string>; created_at: Stamp; last_login_at: Stamp };
  /** Drawn in migrations/0055-identity-providers.sql. */
  sys_accounts_external_logins: {
    id: Generated<string>;
    state_hash: Uint8Array;
    provider_id: string;
    interaction_uid: string;
    sealed_checks: Uint8Array;
    taken_at: Absent<Date>;
    sealed_proof: Absent<Uint8Array>;
    created_at: Stamp;
    expires_at: Date;
  };
  sys_accounts_saml_keys: { id: Generated<string>; sealed_private_key: Uint8Array; certificate: string; created_at: Stamp };
  sys_accounts_saml_assertions: { provider_id: string; id_hash: Uint8Array; expires_at: Date };
  sys_accounts_saml_sessions: {
    id: Generated<string>;
    provider_id: string;
    account_id: string;
    interaction_uid: string;
    session_uid: Absent<string>;
    name_id_hash: Uint8Array;
    sealed_name_id: Uint8Array;
    session_index: string;
    expires_at: Date;
  };
  sys_accounts_saml_logouts: { state_hash: Uint8Array; provider_id: string; request_id: string; return_to: string; expires_at: Date };
}
