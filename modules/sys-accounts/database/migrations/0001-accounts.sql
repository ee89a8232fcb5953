-- Platform tables: an account belongs to many orgs, so these rows are not any one org's and are not under
-- row-level security (see README). Columns that point at an org are therefore never named org_id.

create table sys_accounts_orgs (
  id uuid primary key default uuidv7(),
  name text not null,
  contact text not null default '',
  logo_url text not null default '',
  personal boolean not null default false,
  creator_id uuid,
  created_at timestamptz not null default now()
);
create unique index on sys_accounts_orgs (lower(name)) where not personal;

create table sys_accounts_accounts (
  id uuid primary key default uuidv7(),
  -- Null once the account is closed.
  email text,
  display_name text not null,
  language text not null default 'en',
  time_zone text not null default 'UTC',
  avatar_url text not null default '',
  state text not null default 'ACTIVE' check (state in ('ACTIVE', 'LOCKED', 'DEACTIVATED')),
  lock_reason text not null default '',
  password_hash text,
  password_change_required boolean not null default false,
  personal_org uuid not null references sys_accounts_orgs,
  -- The org the person was first made a member of; the default at login.
  home_org uuid references sys_accounts_orgs,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  last_login_at timestamptz,
  check ((state = 'DEACTIVATED') = (email is null)),
  check ((state = 'DEACTIVATED') = (password_hash is null))
);
create unique index on sys_accounts_accounts (lower(email));

-- Addresses of closed accounts, hashed: they can't register again.
create table sys_accounts_closed_emails (
  email_hash bytea primary key
);

create table sys_accounts_projects (
  id uuid primary key default uuidv7(),
  owner_org uuid not null references sys_accounts_orgs,
  name text not null,
  created_at timestamptz not null default now(),
  unique (id, owner_org)
);
create unique index on sys_accounts_projects (owner_org, lower(name));

create table sys_accounts_role_grants (
  id uuid primary key default uuidv7(),
  account_id uuid not null references sys_accounts_accounts,
  role text not null check (role in ('USER', 'ADMIN', 'OPS', 'SUPERADMIN')),
  scope_org uuid references sys_accounts_orgs,
  scope_project uuid,
  created_at timestamptz not null default now(),
  unique nulls not distinct (account_id, role, scope_org, scope_project),
  foreign key (scope_project, scope_org) references sys_accounts_projects (id, owner_org) on delete cascade,
  check ((scope_org is null) = (role in ('OPS', 'SUPERADMIN'))),
  check (scope_project is null or scope_org is not null)
);
create index on sys_accounts_role_grants (scope_org, account_id);

create table sys_accounts_sessions (
  id uuid primary key default uuidv7(),
  account_id uuid not null references sys_accounts_accounts,
  acting_org uuid not null references sys_accounts_orgs,
  client_address text not null default '',
  created_at timestamptz not null default now(),
  refreshed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz
);
create index on sys_accounts_sessions (account_id, id) where ended_at is null;

create table sys_accounts_refresh_tokens (
  token_hash bytea primary key,
  session_id uuid not null references sys_accounts_sessions on delete cascade,
  created_at timestamptz not null default now(),
  consumed_at timestamptz
);
create index on sys_accounts_refresh_tokens (session_id);

create table sys_accounts_api_keys (
  id uuid primary key default uuidv7(),
  account_id uuid not null references sys_accounts_accounts,
  acting_org uuid not null references sys_accounts_orgs,
  name text not null,
  secret_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
create index on sys_accounts_api_keys (account_id, id) where revoked_at is null;

create table sys_accounts_signing_keys (
  id uuid primary key default uuidv7(),
  public_jwk jsonb not null,
  -- AES-256-GCM under a key derived from the deployment's secret.
  sealed_private_jwk bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);
-- One key signs at a time, also when two processes make the first one at once.
create unique index on sys_accounts_signing_keys ((true)) where retired_at is null;

-- Failed logins, by a hash of address and e-mail or of the address alone.
create table sys_accounts_login_attempts (
  key bytea primary key,
  failures integer not null,
  expires_at timestamptz not null
);
