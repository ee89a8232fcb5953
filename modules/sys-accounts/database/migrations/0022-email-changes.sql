-- Who wants to log in with another address; one change at a time. Both addresses have to say yes.
create table sys_accounts_email_changes (
  id uuid primary key default uuidv7(),
  account_id uuid not null unique references sys_accounts_accounts on delete cascade,
  new_email text not null,
  -- At the address until now.
  agreed_at timestamptz,
  -- At the new one.
  confirmed_at timestamptz,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index on sys_accounts_email_changes (expires_at);
