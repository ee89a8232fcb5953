-- Who acts in a session that is not their own; null in all others.
alter table sys_accounts_sessions add column actor_id uuid references sys_accounts_accounts;

--             BeginActing                 EndActing, the time is over, or the session ends otherwise
--   (nothing) ───────────▶ active ────────────────────────────────────────────────────────▶ ended
create table sys_accounts_actings (
  id uuid primary key default uuidv7(),
  account_id uuid not null references sys_accounts_accounts,
  actor_id uuid not null references sys_accounts_accounts,
  -- It goes on as long as its session does; null once that was forgotten.
  session_id uuid references sys_accounts_sessions on delete set null,
  reason text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index on sys_accounts_actings (account_id, id);
create index on sys_accounts_actings (session_id);
