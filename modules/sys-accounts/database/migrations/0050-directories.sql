-- What orgs have at home: their e-mail domains, their groups, their people. Platform tables like the others here: not under
-- row-level security (see README).

--   CreateEmailDomain            VerifyEmailDomain, VouchForEmailDomain
--   ─────────────────▶ claimed ─────────────────────────────────────────▶ verified, and of this org alone
create table sys_accounts_email_domains (
  id uuid primary key default uuidv7(),
  owner_org uuid not null references sys_accounts_orgs,
  -- In lower case, as DNS has it (RFC 5891).
  domain text not null,
  -- What the org shows in a TXT record.
  challenge text not null,
  verified_at timestamptz,
  -- The Platform Administrator who said that it is theirs; null if DNS did.
  voucher_id uuid references sys_accounts_accounts,
  created_at timestamptz not null default now(),
  unique (owner_org, domain)
);
create unique index on sys_accounts_email_domains (domain) where verified_at is not null;
create index on sys_accounts_email_domains (owner_org, id);

-- Which roles who is in a group of the org's directory has.
create table sys_accounts_group_mappings (
  id uuid primary key default uuidv7(),
  owner_org uuid not null references sys_accounts_orgs,
  group_name text not null,
  role text not null check (role in ('USER', 'ADMIN')),
  scope_project uuid,
  created_at timestamptz not null default now(),
  unique nulls not distinct (owner_org, group_name, role, scope_project),
  foreign key (scope_project, owner_org) references sys_accounts_projects (id, owner_org) on delete cascade
);
create index on sys_accounts_group_mappings (owner_org, id);
create index on sys_accounts_group_mappings (scope_project, owner_org);

-- The groups that a person was in at their last login through an identity provider of the org.
create table sys_accounts_login_groups (
  owner_org uuid not null references sys_accounts_orgs,
  account_id uuid not null references sys_accounts_accounts,
  group_names text[] not null,
  primary key (owner_org, account_id)
);
create index on sys_accounts_login_groups (account_id);

-- People whom the org's directory told of (SCIM): what it said of them, in the words of RFC 7643.
create table sys_accounts_directory_users (
  owner_org uuid not null references sys_accounts_orgs,
  account_id uuid not null references sys_accounts_accounts,
  resource jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (owner_org, account_id)
);
create index on sys_accounts_directory_users (account_id);
create unique index sys_accounts_directory_users_by_name on sys_accounts_directory_users (owner_org, lower(resource ->> 'userName'));
create index sys_accounts_directory_users_by_external_id on sys_accounts_directory_users (owner_org, (resource ->> 'externalId'));

create table sys_accounts_directory_groups (
  id uuid primary key default uuidv7(),
  owner_org uuid not null references sys_accounts_orgs,
  display_name text not null,
  external_id text,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index on sys_accounts_directory_groups (owner_org, id);
create unique index sys_accounts_directory_groups_by_name on sys_accounts_directory_groups (owner_org, lower(display_name));
create index on sys_accounts_directory_groups (owner_org, external_id);

create table sys_accounts_directory_group_members (
  group_id uuid not null references sys_accounts_directory_groups on delete cascade,
  account_id uuid not null references sys_accounts_accounts,
  primary key (group_id, account_id)
);
create index on sys_accounts_directory_group_members (account_id);

-- A role that a group gave goes with the group; one that was given by hand stays.
alter table sys_accounts_role_grants add column by_group boolean not null default false;

-- The org that made the account. It looks after the account as long as the domain of its address is the org's.
alter table sys_accounts_accounts add column managing_org uuid references sys_accounts_orgs;

-- Who logs in through their org has no password.
alter table sys_accounts_accounts
  drop constraint sys_accounts_accounts_check1,
  add constraint sys_accounts_accounts_check1 check (state <> 'DEACTIVATED' or password_hash is null) not valid;
