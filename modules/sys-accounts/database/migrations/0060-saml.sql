-- SAML 2.0, as a service provider. Platform tables like the others here: not under row-level security (see README).

-- RSA keys: they sign what goes to identity providers, and open what these encrypt. A key signs once providers had the time to read its
-- certificate; which one does follows from the times alone (server/federation/saml/service-keys.ts).
create table sys_accounts_saml_keys (
  id uuid primary key default uuidv7(),
  sealed_private_key bytea not null,
  -- Self-signed, in PEM.
  certificate text not null,
  created_at timestamptz not null default now()
);

-- Assertions that were taken: each is good once, until it is good no more (Profiles, 4.1.4.5).
create table sys_accounts_saml_assertions (
  provider_id uuid not null references sys_accounts_identity_providers on delete cascade,
  id_hash bytea not null,
  expires_at timestamptz not null,
  primary key (provider_id, id_hash)
);
create index on sys_accounts_saml_assertions (expires_at);

-- Who is logged in at an identity provider and through it here, in one browser: what a logout names, at either side.
create table sys_accounts_saml_sessions (
  id uuid primary key default uuidv7(),
  provider_id uuid not null references sys_accounts_identity_providers on delete cascade,
  account_id uuid not null references sys_accounts_accounts,
  -- The page in which the person logged in; and, once that is done, the login of the browser (`uid` of the artifact `Session`).
  interaction_uid text not null,
  session_uid text,
  -- What the provider calls the person: hashed, to be found; and sealed, to be said (Core, 2.2.3).
  name_id_hash bytea not null,
  sealed_name_id bytea not null,
  session_index text not null,
  expires_at timestamptz not null
);
create index on sys_accounts_saml_sessions (provider_id, name_id_hash);
create index on sys_accounts_saml_sessions (interaction_uid);
create index on sys_accounts_saml_sessions (session_uid);
create index on sys_accounts_saml_sessions (account_id);
create index on sys_accounts_saml_sessions (expires_at);

-- Logouts that were begun here, and wait for the browser to come back from the identity provider.
create table sys_accounts_saml_logouts (
  -- What travels with the browser (`RelayState`), hashed.
  state_hash bytea primary key,
  provider_id uuid not null references sys_accounts_identity_providers on delete cascade,
  request_id text not null,
  -- Where the browser goes then: one of the client's own addresses, or our page.
  return_to text not null,
  expires_at timestamptz not null
);
create index on sys_accounts_saml_logouts (provider_id);
create index on sys_accounts_saml_logouts (expires_at);
