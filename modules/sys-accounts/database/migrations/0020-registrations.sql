-- When the person showed that the address is theirs; null until then.
alter table sys_accounts_accounts add column email_verified_at timestamptz;

-- Who waits to show that an address is theirs. Several may wait with one address: the first that shows it gets the account.
create table sys_accounts_registrations (
  id uuid primary key default uuidv7(),
  -- Of an account that is there already; null where the account is made with the proof.
  account_id uuid references sys_accounts_accounts on delete cascade,
  email text not null,
  display_name text not null default '',
  language text not null,
  time_zone text not null,
  -- Null for an account that is there: its own counts.
  password_hash text,
  tries integer not null default 0,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index on sys_accounts_registrations (lower(email));
create index on sys_accounts_registrations (account_id);
create index on sys_accounts_registrations (expires_at);

-- Who asked for a new password; also with addresses that have no account, so that both take the same way.
create table sys_accounts_password_resets (
  id uuid primary key default uuidv7(),
  email text not null,
  -- Once it is known, and the link is on its way.
  account_id uuid references sys_accounts_accounts on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index on sys_accounts_password_resets (account_id);
create index on sys_accounts_password_resets (expires_at);
