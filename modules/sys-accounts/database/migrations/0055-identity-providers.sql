-- Federation: where the people of an org log in. Platform tables like the others here: not under row-level security (see README).

create table sys_accounts_identity_providers (
  id uuid primary key default uuidv7(),
  -- Whose administrators look after it.
  owner_org uuid not null references sys_accounts_orgs,
  name text not null,
  kind text not null check (kind in ('OIDC', 'OAUTH2', 'SAML')),
  -- Its settings as the contract has them (OidcSettings, OAuth2Settings, SamlSettings), in JSON and without the secret.
  settings jsonb not null,
  -- The client's secret, sealed under the deployment's.
  sealed_secret bytea,
  trusts_second_factor boolean not null default false,
  just_in_time boolean not null default false,
  disabled boolean not null default false,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index on sys_accounts_identity_providers (owner_org, id);
create index on sys_accounts_identity_providers (owner_org, lower(name), id);

-- Who somebody is elsewhere. What a provider calls a person is said of that provider alone.
create table sys_accounts_external_identities (
  id uuid primary key default uuidv7(),
  provider_id uuid not null references sys_accounts_identity_providers on delete cascade,
  subject text not null,
  account_id uuid not null references sys_accounts_accounts,
  -- The address that the provider gave at the last login; for the person to read, and for nothing else.
  email text not null default '',
  created_at timestamptz not null default now(),
  last_login_at timestamptz not null default now(),
  unique (provider_id, subject)
);
create index on sys_accounts_external_identities (account_id, id);

-- Logins that are under way at a provider. A row is of one page of one browser (`interaction_uid`, whose cookie that browser alone has):
--
--   begun ──── the browser comes back, once ───▶ taken ──── the answer proves somebody ───▶ proven ──── the page logs them in ──▶ removed
--
-- and is over ten minutes after it was begun, or after it was proven.
create table sys_accounts_external_logins (
  id uuid primary key default uuidv7(),
  -- What travels with the browser (`state`, `RelayState`), hashed.
  state_hash bytea not null unique,
  provider_id uuid not null references sys_accounts_identity_providers on delete cascade,
  interaction_uid text not null,
  -- What the answer is checked with (nonce, PKCE verifier, request id), sealed under the deployment's secret.
  sealed_checks bytea not null,
  taken_at timestamptz,
  -- Who came back (ExternalProof), sealed likewise.
  sealed_proof bytea,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index on sys_accounts_external_logins (expires_at);
create index on sys_accounts_external_logins (provider_id);
