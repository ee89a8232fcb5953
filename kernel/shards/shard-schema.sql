-- What a shard's database has besides the kernel's schema. Runs after it, as the database's administrator; may run again
-- at any time. Databases that are no shards have nothing of it.

-- Which shard this is. Its row is there once the shard has been given its first slots, or none.
create table if not exists mainstay.shard (
  only_one boolean primary key default true check (only_one),
  process text not null,
  index smallint not null
);

-- The slots that this shard owns. Only their rows are shown, and only here are they written.
create table if not exists mainstay.slots (
  slot smallint primary key check (slot between 0 and 255),
  since timestamptz not null default clock_timestamp()
);

-- Slots that moved away, of which rows may still lie here: nobody sees them.
create table if not exists mainstay.left_slots (
  slot smallint primary key,
  move uuid not null,
  to_shard smallint not null,
  since timestamptz not null default clock_timestamp()
);

-- What changed in the slots that are being copied, by the key of each row. Unlogged would be lost with a crash.
create table if not exists mainstay.slot_changes (
  id bigint generated always as identity primary key,
  name text not null,
  key jsonb not null
);

-- Slots of which everything is here, as soon as their owner gives them away to the move.
create table if not exists mainstay.arriving_slots (
  slot smallint primary key,
  move uuid not null
);

-- Jobs that came with slots and wait for these to be owned here.
create table if not exists mainstay.arriving_jobs (
  slot smallint not null,
  job jsonb not null
);

create or replace function mainstay.slot_of(org uuid) returns integer
  language sql immutable parallel safe
  return pg_catalog.get_byte(pg_catalog.uuid_send(org), 15);

-- The slot of a job or of the delivery of an event; null if it is no org's.
create or replace function mainstay.slot_of_job(payload json) returns integer
  language sql immutable parallel safe
  return pg_catalog.get_byte(pg_catalog.uuid_send(coalesce(payload operator(pg_catalog.->>) 'orgId', payload operator(pg_catalog.->>) 'orgid')::pg_catalog.uuid), 15);

create index if not exists mainstay_jobs_of_slot on graphile_worker._private_jobs (mainstay.slot_of_job(payload));

create or replace function mainstay.refuse_slot(slot integer) returns uuid
  language plpgsql as $$
begin
  raise exception 'the rows of slot % lie in another shard', slot using errcode = 'MS421', detail = slot::text;
end $$;

-- Fails unless the slot of an org is owned; true otherwise.
create or replace function mainstay.require_slot(org uuid) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  if not exists (select from mainstay.slots where slots.slot = mainstay.slot_of(org)) then
    perform mainstay.refuse_slot(mainstay.slot_of(org));
  end if;
  return true;
end $$;

-- A byte for each slot: 1 for those that are owned.
create or replace function mainstay.owned_slots() returns bytea
  language sql stable security definer set search_path = ''
  as $$ select string_agg(case when slots.slot is null then '\x00'::bytea else '\x01'::bytea end, '' order by every.slot)
    from generate_series(0, 255) as every (slot) left join mainstay.slots on slots.slot = every.slot $$;

-- Lets a transaction write in an org: it is there to its end, since whoever takes the slot away waits for it.
create or replace function mainstay.hold_org(org text) returns void
  language plpgsql security definer as $$
begin
  if org operator(pg_catalog.<>) '' then
    perform pg_catalog.pg_advisory_xact_lock_shared(1936486260, mainstay.slot_of(org::pg_catalog.uuid));
    perform mainstay.require_slot(org::pg_catalog.uuid);
  end if;
end $$;

-- As in any database; fails also where the org's rows lie elsewhere, by the snapshot of the statement that asks.
create or replace function mainstay.current_org() returns uuid
  language plpgsql stable parallel restricted security definer as $$
begin
  return case
    when coalesce(pg_catalog.current_setting('app.org_id', true), '') operator(pg_catalog.=) '' then null
    when pg_catalog.currval('mainstay.entered_org'::pg_catalog.regclass) operator(pg_catalog.<>) pg_catalog.uuid_hash_extended(pg_catalog.current_setting('app.org_id', true)::pg_catalog.uuid, 0)
      then mainstay.refuse_org()
    when exists (select from mainstay.slots where slots.slot operator(pg_catalog.=) mainstay.slot_of(pg_catalog.current_setting('app.org_id', true)::pg_catalog.uuid))
      or exists (select from mainstay.modules where modules.all_orgs operator(pg_catalog.=) session_user)
      then pg_catalog.current_setting('app.org_id', true)::pg_catalog.uuid
    else mainstay.refuse_slot(mainstay.slot_of(pg_catalog.current_setting('app.org_id', true)::pg_catalog.uuid))
  end;
end $$;

-- As in any database, but those who see every org see only what is owned: rows on their way here or left behind are in
-- another shard too.
create or replace function mainstay.protect_tenant_table(name text) returns void
  language plpgsql as $$
declare
  target regclass := name::regclass;
  roles mainstay.modules;
begin
  select m.* into strict roles from mainstay.modules m
    join pg_class c on c.oid = target join pg_namespace n on n.oid = c.relnamespace and n.nspname = m.schema;
  execute format('alter table %s alter column org_id set default mainstay.current_org(), alter column org_id set not null', target);
  execute format('alter table %s enable row level security, force row level security', target);
  execute format('drop policy if exists own_org on %s', target);
  execute format('create policy own_org on %s to %I using (org_id = (select mainstay.current_org())) with check (org_id = (select mainstay.current_org()))', target, roles.login);
  execute format('drop policy if exists all_orgs on %s', target);
  execute format('create policy all_orgs on %s to %I using (get_byte((select mainstay.owned_slots()), mainstay.slot_of(org_id)) = 1) with check (mainstay.require_slot(org_id))', target, roles.all_orgs);
  execute format('drop policy if exists owner on %s', target);
  execute format('create policy owner on %s to %I using (true) with check (true)', target, roles.owner);
end $$;

-- Notes the keys of rows that change: those of their columns that the trigger names.
create or replace function mainstay.note_change() returns trigger
  language plpgsql security definer set search_path = '' as $$
begin
  if tg_op <> 'INSERT' then
    insert into mainstay.slot_changes (name, key) select tg_table_schema || '.' || tg_table_name, jsonb_object_agg(c, to_jsonb(old) -> c) from unnest(tg_argv) as c;
  end if;
  if tg_op <> 'DELETE' then
    insert into mainstay.slot_changes (name, key) select tg_table_schema || '.' || tg_table_name, jsonb_object_agg(c, to_jsonb(new) -> c) from unnest(tg_argv) as c;
  end if;
  return null;
end $$;

revoke all on all functions in schema mainstay from public;
grant execute on function mainstay.slot_of, mainstay.slot_of_job, mainstay.require_slot, mainstay.owned_slots, mainstay.hold_org to public;
