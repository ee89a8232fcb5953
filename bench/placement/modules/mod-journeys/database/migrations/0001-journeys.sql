create table mod_journeys_journeys (
  id uuid primary key default uuidv7(),
  org_id uuid not null,
  promise_id uuid not null,
  carrier_id uuid not null,
  text text not null
);
create index on mod_journeys_journeys (org_id);
select mainstay.protect_tenant_table('mod_journeys_journeys');
