-- The same rows as Mainstay keeps for a promise: the promise, its history, the event, the command's record; closed to other orgs.
create function current_org() returns uuid language sql stable parallel safe return nullif(current_setting('app.org_id', true), '')::uuid;

create table promises (
  id uuid primary key default uuidv7(),
  org_id uuid not null default current_org(),
  owner_id uuid not null,
  title text not null check (title <> ''),
  description text not null default '',
  made_at timestamptz(3) not null default now(),
  due_time timestamptz(3),
  due_order timestamptz(3) not null generated always as (coalesce(due_time, 'infinity')) stored,
  promisee_name text not null default '',
  promisee_contact_id uuid,
  promisee_account_id uuid,
  tags text[] not null default '{}',
  state text not null default 'PENDING' check (state in ('PENDING', 'FULFILLED', 'FAILED')),
  settled_at timestamptz(3),
  archived boolean not null default false,
  delete_time timestamptz(3),
  source_key text,
  source_hash text,
  version integer not null default 1,
  create_time timestamptz(3) not null default now(),
  update_time timestamptz(3) not null default now()
);
create index on promises (org_id, owner_id, made_at desc, id desc);
create index on promises (org_id, owner_id, due_order, id);
create index on promises (org_id, promisee_account_id, made_at desc, id desc) where promisee_account_id is not null;
create index on promises (promisee_contact_id) where promisee_contact_id is not null;
create index on promises (delete_time) where delete_time is not null;
create unique index on promises (org_id, owner_id, source_key);
create index on promises (org_id, owner_id, lower(title), id);

create table shares (
  promise_id uuid not null references promises on delete cascade,
  account_id uuid not null,
  org_id uuid not null default current_org(),
  permission text not null,
  primary key (promise_id, account_id)
);
create index on shares (org_id, account_id);

create table reminders (
  id uuid primary key default uuidv7(),
  org_id uuid not null default current_org(),
  promise_id uuid not null references promises on delete cascade,
  time timestamptz(3) not null
);
create index on reminders (promise_id, time);

create table changes (
  id uuid primary key default uuidv7(),
  org_id uuid not null default current_org(),
  promise_id uuid not null references promises on delete cascade,
  account_id uuid not null,
  time timestamptz(3) not null default now(),
  field text not null,
  before text not null default '',
  after text not null default ''
);
create index on changes (promise_id, id desc);

create table outbox (
  id uuid primary key default uuidv7(),
  type text not null,
  subject text not null,
  org uuid,
  data jsonb not null,
  time timestamptz not null default clock_timestamp(),
  trace_id text not null
);
create index on outbox (time);

create table commands (
  id uuid primary key default uuidv7(),
  time timestamptz not null default clock_timestamp(),
  method text not null,
  org uuid,
  principal text,
  session text,
  client_address text,
  trace_id text not null,
  outcome text not null,
  idempotency_key text,
  request_hash bytea,
  answer bytea
);
create unique index on commands (principal, method, idempotency_key) where idempotency_key is not null;

do $$ declare t text; begin
  foreach t in array array['promises', 'shares', 'reminders', 'changes'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own_org on %I using (org_id = (select current_org())) with check (org_id = (select current_org()))', t);
  end loop;
end $$;
