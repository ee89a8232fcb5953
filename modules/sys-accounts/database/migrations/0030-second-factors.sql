-- What a person shows beside the password, or in its place. One that was not confirmed yet counts for nothing.
create table sys_accounts_second_factors (
  id uuid primary key default uuidv7(),
  account_id uuid not null references sys_accounts_accounts,
  kind text not null check (kind in ('TOTP', 'PASSKEY', 'EMAIL_CODE')),
  name text not null,
  created_at timestamptz not null default now(),
  confirmed_at timestamptz,
  last_used_at timestamptz,
  -- Until it is confirmed: what the authenticator has to sign; and how often the proof was tried.
  challenge bytea,
  tries integer not null default 0,
  -- TOTP: AES-256-GCM under a key derived from the deployment's secret; and the step of the last code, which is good once.
  sealed_secret bytea,
  last_step integer not null default 0,
  -- Passkeys.
  credential_id bytea unique,
  public_key bytea,
  counter bigint not null default 0,
  transports text[] not null default '{}',
  device_bound boolean not null default false,
  backed_up boolean not null default false
);
create index on sys_accounts_second_factors (account_id);

-- Hashed: they have 80 random bits each.
create table sys_accounts_recovery_codes (
  code_hash bytea primary key,
  account_id uuid not null references sys_accounts_accounts,
  created_at timestamptz not null default now()
);
create index on sys_accounts_recovery_codes (account_id);

-- Devices that log in without a second factor.
create table sys_accounts_remembered_devices (
  id uuid primary key default uuidv7(),
  account_id uuid not null references sys_accounts_accounts,
  token_hash bytea not null unique,
  -- The password of that time, as the hash of its hash: with another one the device is forgotten.
  password_mark bytea not null,
  client_address text not null default '',
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index on sys_accounts_remembered_devices (account_id, id);

-- The network from which an account has logged in, hashed.
create table sys_accounts_login_places (
  account_id uuid not null references sys_accounts_accounts,
  place_hash bytea not null,
  seen_at timestamptz not null default now(),
  primary key (account_id, place_hash)
);

-- Logins, and steps up of sessions, that wait for a factor. Whoever passes it removes the row, so one alone does.
create table sys_accounts_logins (
  token_hash bytea primary key,
  -- Of a login by passkey alone it is not known yet who logs in.
  account_id uuid references sys_accounts_accounts,
  amr text[] not null,
  -- What is stepped up; null where a session is to begin.
  session_id uuid references sys_accounts_sessions on delete cascade,
  wanted_org uuid,
  -- The password that was shown, as the hash of its hash: another one since ends the login.
  password_mark bytea,
  challenge bytea,
  -- How often its code was sent. The code follows from the row and the deployment's secret, so it is kept nowhere.
  email_codes_sent integer not null default 0,
  -- Takes the place of the password's hash when the login is done; and whether it is a new password.
  next_password_hash text,
  new_password boolean not null default false,
  tries integer not null default 0,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index on sys_accounts_logins (account_id);
create index on sys_accounts_logins (session_id);
create index on sys_accounts_logins (expires_at);

-- How the person behind a session proved who they are, and when they last did: at its beginning, if null.
alter table sys_accounts_sessions add column amr text[] not null default '{pwd}';
alter table sys_accounts_sessions add column acr text not null default 'urn:mainstay:acr:1';
alter table sys_accounts_sessions add column auth_time timestamptz;
