-- Addresses of other systems that are told of events: an org's own of what happens there, the deployment's (without an org) of everything.
create table sys_core_webhook_endpoints (
  id uuid primary key default uuidv7(),
  org_id uuid,
  url text not null check (octet_length(url) <= 8000),
  description text not null,
  event_types text[] not null,
  -- Sealed with a key that is derived from the deployment's secret.
  secret bytea not null,
  previous_secret bytea,
  previous_until timestamptz(3),
  state text not null default 'ENABLED' check (state in ('ENABLED', 'DISABLED')),
  disabled_because text not null default '',
  -- The first of the tries that failed since one did not.
  failing_since timestamptz(3),
  version integer not null default 1 check (version > 0),
  create_time timestamptz(3) not null default now()
);
create index sys_core_webhook_endpoints_org on sys_core_webhook_endpoints (org_id, id);

-- Events on their way to an endpoint, and what became of them.
create table sys_core_webhook_deliveries (
  -- Made of event and endpoint, so that an event that comes again is the same delivery.
  id uuid primary key,
  endpoint_id uuid not null references sys_core_webhook_endpoints on delete cascade,
  org_id uuid,
  event_id text not null,
  event_type text not null,
  -- As it is sent.
  body text not null,
  -- PENDING → DELIVERED or FAILED, and back when somebody sends it again.
  outcome text not null default 'PENDING' check (outcome in ('PENDING', 'DELIVERED', 'FAILED')),
  attempts integer not null default 0,
  next_try timestamptz(3) default clock_timestamp() check ((next_try is null) = (outcome <> 'PENDING')),
  -- While a process sends it; one that was killed does not say so, hence the time.
  claimed_until timestamptz(3),
  -- The last tries.
  tries jsonb not null default '[]',
  create_time timestamptz(3) not null default clock_timestamp()
);
create index sys_core_webhook_deliveries_due on sys_core_webhook_deliveries (endpoint_id, next_try) where outcome = 'PENDING';
create index sys_core_webhook_deliveries_next on sys_core_webhook_deliveries (next_try) where outcome = 'PENDING';
create index sys_core_webhook_deliveries_claimed on sys_core_webhook_deliveries (endpoint_id) where claimed_until is not null;
create index sys_core_webhook_deliveries_org on sys_core_webhook_deliveries (org_id, create_time, id);
create index sys_core_webhook_deliveries_endpoint on sys_core_webhook_deliveries (endpoint_id, create_time, id);
create index sys_core_webhook_deliveries_event on sys_core_webhook_deliveries (event_id);
create index sys_core_webhook_deliveries_outcome on sys_core_webhook_deliveries (org_id, outcome, create_time, id);
create index sys_core_webhook_deliveries_type on sys_core_webhook_deliveries (org_id, event_type, create_time, id);
create index sys_core_webhook_deliveries_time on sys_core_webhook_deliveries (create_time);

-- An org has its own, operators those of all.
alter table sys_core_webhook_endpoints enable row level security, force row level security;
alter table sys_core_webhook_deliveries enable row level security, force row level security;
create policy own_org on sys_core_webhook_endpoints using (org_id = (select mainstay.current_org())) with check (org_id = (select mainstay.current_org()));
create policy own_org on sys_core_webhook_deliveries using (org_id = (select mainstay.current_org())) with check (org_id = (select mainstay.current_org()));
do $$
declare roles mainstay.modules;
begin
  select * into strict roles from mainstay.modules where schema = 'sys_core';
  execute format('create policy all_orgs on sys_core_webhook_endpoints to %I, %I using (true) with check (true)', roles.all_orgs, roles.owner);
  execute format('create policy all_orgs on sys_core_webhook_deliveries to %I, %I using (true) with check (true)', roles.all_orgs, roles.owner);
end $$;
