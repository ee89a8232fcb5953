-- What members ask the administrators of their org for.
--
--   CreateUserRequest        ┌─ ApproveUserRequest ──▶ APPROVED, and the role is granted
--   ────────────────▶ OPEN ──┼─ DeclineUserRequest ──▶ DECLINED
--                            └─ WithdrawUserRequest ─▶ WITHDRAWN
create table sys_accounts_user_requests (
  id uuid primary key default uuidv7(),
  owner_org uuid not null references sys_accounts_orgs,
  account_id uuid not null references sys_accounts_accounts,
  kind text not null check (kind in ('ACCESS', 'ROLE', 'HELP')),
  role text check (role in ('USER', 'ADMIN')),
  scope_project uuid,
  text text not null,
  state text not null default 'OPEN' check (state in ('OPEN', 'APPROVED', 'DECLINED', 'WITHDRAWN')),
  answer text not null default '',
  decider_id uuid references sys_accounts_accounts,
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  foreign key (scope_project, owner_org) references sys_accounts_projects (id, owner_org) on delete cascade,
  check ((role is null) = (kind = 'HELP')),
  check ((state = 'OPEN') = (decided_at is null))
);
create index on sys_accounts_user_requests (owner_org, id);
create index on sys_accounts_user_requests (owner_org, state, id);
create index on sys_accounts_user_requests (account_id, id);
create index on sys_accounts_user_requests (scope_project, owner_org);
