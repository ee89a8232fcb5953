-- Times are kept to the millisecond, as clients and page tokens see them.

create table mod_promist_contacts (
  id uuid primary key default uuidv7(),
  org_id uuid not null,
  owner_id uuid not null,
  name text not null check (name <> ''),
  name_order text not null generated always as (lower(name)) stored,
  email text not null default '',
  create_time timestamptz(3) not null default now(),
  update_time timestamptz(3) not null default now()
);
create index on mod_promist_contacts (org_id, owner_id, name_order, id);
select mainstay.protect_tenant_table('mod_promist_contacts');

create table mod_promist_promises (
  id uuid primary key default uuidv7(),
  org_id uuid not null,
  owner_id uuid not null,
  title text not null check (title <> ''),
  description text not null default '',
  made_at timestamptz(3) not null default now(),
  due_time timestamptz(3),
  -- Orders promises without a due time behind all others.
  due_order timestamptz(3) not null generated always as (coalesce(due_time, 'infinity')) stored,
  promisee_name text not null default '',
  promisee_contact_id uuid references mod_promist_contacts,
  promisee_account_id uuid,
  tags text[] not null default '{}',
  state text not null default 'PENDING' check (state in ('PENDING', 'FULFILLED', 'FAILED')),
  settled_at timestamptz(3),
  archived boolean not null default false,
  delete_time timestamptz(3),
  -- Where an import found it, and a hash of what the source said then.
  source_key text,
  source_hash text,
  version integer not null default 1,
  create_time timestamptz(3) not null default now(),
  update_time timestamptz(3) not null default now(),
  check ((state = 'PENDING') = (settled_at is null)),
  check (state <> 'FULFILLED' or archived)
);
create index on mod_promist_promises (org_id, owner_id, made_at desc, id desc);
create index on mod_promist_promises (org_id, owner_id, due_order, id);
create index on mod_promist_promises (org_id, promisee_account_id, made_at desc, id desc) where promisee_account_id is not null;
create index on mod_promist_promises (promisee_contact_id) where promisee_contact_id is not null;
create index on mod_promist_promises (delete_time) where delete_time is not null;
create unique index mod_promist_promises_source on mod_promist_promises (org_id, owner_id, source_key);
select mainstay.protect_tenant_table('mod_promist_promises');

create table mod_promist_shares (
  promise_id uuid not null references mod_promist_promises on delete cascade,
  account_id uuid not null,
  org_id uuid not null,
  permission text not null check (permission in ('VIEW', 'KEEP')),
  create_time timestamptz(3) not null default now(),
  primary key (promise_id, account_id)
);
create index on mod_promist_shares (org_id, account_id);
select mainstay.protect_tenant_table('mod_promist_shares');

create table mod_promist_reminders (
  id uuid primary key default uuidv7(),
  org_id uuid not null,
  promise_id uuid not null references mod_promist_promises on delete cascade,
  time timestamptz(3) not null,
  recurrence text not null default '',
  time_zone text not null default 'UTC',
  method text not null default 'APP' check (method in ('APP', 'EMAIL', 'SMS')),
  -- When it fires next; null when it is off or over.
  next_time timestamptz(3)
);
create index on mod_promist_reminders (promise_id, time);
select mainstay.protect_tenant_table('mod_promist_reminders');

create table mod_promist_changes (
  id uuid primary key default uuidv7(),
  org_id uuid not null,
  promise_id uuid not null references mod_promist_promises on delete cascade,
  account_id uuid not null,
  time timestamptz(3) not null default now(),
  field text not null,
  before text not null default '',
  after text not null default ''
);
create index on mod_promist_changes (promise_id, id desc);
select mainstay.protect_tenant_table('mod_promist_changes');

create table mod_promist_notifications (
  id uuid primary key default uuidv7(),
  org_id uuid not null,
  account_id uuid not null,
  kind text not null check (kind in ('REMINDER', 'SHARED', 'MADE_TO_YOU')),
  promise_id uuid not null references mod_promist_promises on delete cascade,
  title text not null,
  method text not null default 'APP' check (method in ('APP', 'EMAIL', 'SMS')),
  state text not null default 'DELIVERED' check (state in ('DELIVERED', 'WAITING')),
  reminder_id uuid,
  fire_time timestamptz(3),
  create_time timestamptz(3) not null default now(),
  read_time timestamptz(3),
  -- Each time of a reminder is told once.
  unique (reminder_id, fire_time)
);
create index on mod_promist_notifications (org_id, account_id, id desc);
create index on mod_promist_notifications (org_id, account_id, create_time);
create index on mod_promist_notifications (promise_id);
select mainstay.protect_tenant_table('mod_promist_notifications');
