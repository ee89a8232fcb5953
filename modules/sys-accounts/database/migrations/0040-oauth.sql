-- OAuth 2.0 and OpenID Connect. Platform tables like the others here: not under row-level security (see README).

create table sys_accounts_oauth_clients (
  id uuid primary key default uuidv7(),
  -- Whose administrators look after it.
  owner_org uuid not null references sys_accounts_orgs,
  name text not null,
  -- Null for a client that has no secret: a public one, or one that proves itself by a key.
  secret_hash bytea,
  -- The rest of its metadata, as RFC 7591 names it.
  metadata jsonb not null,
  -- What it may do by itself in the org that owns it (client credentials); null if nothing.
  service_role text check (service_role in ('USER', 'ADMIN')),
  disabled boolean not null default false,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index on sys_accounts_oauth_clients (owner_org, id);

-- What the provider keeps: codes, refresh tokens, device codes, logins of browsers, requests that were pushed, and what is under way.
-- Found by the SHA-256 hash of what opens it; the rest is sealed under the deployment's secret.
create table sys_accounts_oauth_artifacts (
  kind text not null,
  key_hash bytea not null,
  sealed bytea not null,
  -- The session that it belongs to: what a person granted to a client.
  session_id uuid,
  account_id uuid,
  uid text,
  user_code_hash bytea,
  consumed_at timestamptz,
  expires_at timestamptz not null,
  primary key (kind, key_hash)
);
create index on sys_accounts_oauth_artifacts (session_id) where session_id is not null;
create index on sys_accounts_oauth_artifacts (account_id) where account_id is not null;
create index on sys_accounts_oauth_artifacts (uid) where uid is not null;
create index on sys_accounts_oauth_artifacts (user_code_hash) where user_code_hash is not null;
create index on sys_accounts_oauth_artifacts (expires_at);

-- RSA keys, which sign ID tokens for clients that know nothing else (OpenID Connect Core, 15.1).
create table sys_accounts_id_token_keys (
  id uuid primary key default uuidv7(),
  sealed_private_jwk bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);
create unique index on sys_accounts_id_token_keys ((true)) where retired_at is null;

-- The client that a session was granted to; null for those of the platform's own login.
alter table sys_accounts_sessions add column client_id text;
