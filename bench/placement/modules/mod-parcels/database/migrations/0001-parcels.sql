create table mod_parcels_parcels (
  id uuid primary key default uuidv7(),
  org_id uuid not null,
  journey_id uuid not null,
  text text not null
);
create index on mod_parcels_parcels (org_id);
select mainstay.protect_tenant_table('mod_parcels_parcels');
