-- Who was asked to join an org and has not answered yet. Whoever accepts removes the row, so each is good once.
create table sys_accounts_invitations (
  id uuid primary key default uuidv7(),
  owner_org uuid not null references sys_accounts_orgs,
  email text not null,
  role text not null check (role in ('USER', 'ADMIN')),
  scope_project uuid,
  inviter_id uuid references sys_accounts_accounts,
  language text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  foreign key (scope_project, owner_org) references sys_accounts_projects (id, owner_org) on delete cascade
);
create index on sys_accounts_invitations (owner_org, id);
create unique index on sys_accounts_invitations (owner_org, lower(email));
create index on sys_accounts_invitations (lower(email));
create index on sys_accounts_invitations (scope_project, owner_org);
create index on sys_accounts_invitations (expires_at);
