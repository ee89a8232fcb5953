--              RaiseIssue           ResolveIssue
--   (nothing) ────────────▶ OPEN ─────────────────▶ RESOLVED
create table sys_accounts_issues (
  id uuid primary key default uuidv7(),
  subject text not null,
  description text not null,
  trace_id text not null default '',
  state text not null default 'ISSUE_OPEN' check (state in ('ISSUE_OPEN', 'ISSUE_RESOLVED')),
  resolution text not null default '',
  raiser_id uuid not null references sys_accounts_accounts,
  created_at timestamptz not null default now(),
  resolved_at timestamptz,
  check ((state = 'ISSUE_RESOLVED') = (resolved_at is not null))
);
create index on sys_accounts_issues (state, id);
create index on sys_accounts_issues using gin (subject extensions.gin_trgm_ops);

create table sys_accounts_issue_comments (
  id uuid primary key default uuidv7(),
  issue_id uuid not null references sys_accounts_issues on delete cascade,
  author_id uuid not null references sys_accounts_accounts,
  text text not null,
  created_at timestamptz not null default now()
);
create index on sys_accounts_issue_comments (issue_id, id);
