-- What every module's tables stand on. Runs as the database's administrator; may run again at any time.

create schema if not exists mainstay;

-- The modules provisioned in this database, and the roles they run as.
create table if not exists mainstay.modules (
  module text primary key,
  schema text not null unique,
  owner text not null,
  login text not null unique,
  all_orgs text not null unique,
  fingerprint text not null
);

-- Which handlers get which events.
create table if not exists mainstay.subscriptions (
  event_type text not null,
  module text not null,
  handler text not null,
  primary key (event_type, module, handler)
);

-- Which org each session was last set to, as a hash: the session's own "current value" of a sequence, which only
-- mainstay.enter_org writes. A variable alone could be set by any statement. Unlogged, so that reads stay reads.
create unlogged sequence if not exists mainstay.entered_org minvalue -9223372036854775808;

create or replace function mainstay.refuse_org() returns uuid
  language plpgsql as $$
begin
  raise exception 'a statement set the org by itself' using errcode = 'insufficient_privilege';
end $$;

-- The org whose rows the transaction may see; null shows none. Fails where the variable was set by anything but
-- mainstay.enter_org. Everything is named in full: the caller chooses the search path. One expression, since each is
-- prepared anew in each transaction.
create or replace function mainstay.current_org() returns uuid
  language plpgsql stable parallel restricted security definer as $$
begin
  return case
    when coalesce(pg_catalog.current_setting('app.org_id', true), '') operator(pg_catalog.=) '' then null
    when pg_catalog.currval('mainstay.entered_org'::pg_catalog.regclass) operator(pg_catalog.=) pg_catalog.uuid_hash_extended(pg_catalog.current_setting('app.org_id', true)::pg_catalog.uuid, 0)
      then pg_catalog.current_setting('app.org_id', true)::pg_catalog.uuid
    else mainstay.refuse_org()
  end;
end $$;

-- Whether the transaction may see the rows of every org. That is a matter of the role it logged in with, which
-- no statement can change.
create or replace function mainstay.all_orgs() returns boolean
  language sql stable parallel safe
  return current_user like '%.all\_orgs' or exists (select from mainstay.modules where all_orgs = current_user);

-- Shows the rows of a table only to the org they belong to. The policy for operators is one of its own, for a role
-- of its own: an "or" inside one policy would keep indexes that begin with org_id from being used.
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
  execute format('create policy own_org on %s using (org_id = (select mainstay.current_org())) with check (org_id = (select mainstay.current_org()))', target);
  execute format('drop policy if exists all_orgs on %s', target);
  execute format('create policy all_orgs on %s to %I, %I using (true) with check (true)', target, roles.all_orgs, roles.owner);
end $$;

-- The module whose role is logged in. Inside a function that runs with its definer's rights, session_user is still that role.
create or replace function mainstay.session_module() returns text
  language plpgsql stable security definer set search_path = '' as $$
declare found text;
begin
  select module into found from mainstay.modules where session_user in (login, all_orgs);
  if found is null then raise exception 'role % belongs to no module', session_user using errcode = 'insufficient_privilege'; end if;
  return found;
end $$;

-- Puts jobs into the queue as graphile_worker.add_jobs does, except that it notifies nobody. PostgreSQL lets transactions that
-- notify commit one at a time in the whole server, each waiting for its disk: the process tells of them when it has committed
-- (kernel/process/queue-bell.ts). Planned once: a plan for each array takes several times as long as to run it, and one made while
-- the queue was empty would scan all of it later.
create or replace function mainstay.queue_jobs(specs graphile_worker.job_spec[]) returns void
  language plpgsql set search_path = '' set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
begin
  insert into graphile_worker._private_tasks (identifier)
    select distinct identifier from unnest(specs) as spec
      where not exists (select from graphile_worker._private_tasks as known where known.identifier = spec.identifier)
    on conflict do nothing;
  insert into graphile_worker._private_job_queues (queue_name)
    select distinct queue_name from unnest(specs) as spec
      where queue_name is not null and not exists (select from graphile_worker._private_job_queues as known where known.queue_name = spec.queue_name)
    on conflict do nothing;
  -- One that runs, or is a dead letter, can not be replaced any more: it loses its key, and is not tried again.
  update graphile_worker._private_jobs as jobs set key = null, attempts = jobs.max_attempts, updated_at = now()
    from unnest(specs) as spec where jobs.key = spec.job_key and not jobs.is_available;
  insert into graphile_worker._private_jobs as jobs (task_id, job_queue_id, payload, run_at, max_attempts, key)
    select tasks.id, queues.id, coalesce(spec.payload, '{}'), coalesce(spec.run_at, now()), coalesce(spec.max_attempts, 25), spec.job_key
      from unnest(specs) with ordinality as spec
        join graphile_worker._private_tasks as tasks on tasks.identifier = spec.identifier
        left join graphile_worker._private_job_queues as queues on queues.queue_name = spec.queue_name
      order by spec.ordinality
    on conflict (key) do update set task_id = excluded.task_id, job_queue_id = excluded.job_queue_id, payload = excluded.payload, run_at = excluded.run_at,
      max_attempts = excluded.max_attempts, attempts = 0, last_error = null, revision = jobs.revision + 1, updated_at = now()
      where jobs.locked_at is null;
end $$;

-- Puts jobs of the session's own module into the queue, given as an array of {job, payload, run_at, max_attempts, key}.
-- One with a key replaces the waiting one.
create or replace function mainstay.enqueue_jobs(jobs json) returns void
  language plpgsql security definer set search_path = '' set plan_cache_mode = force_generic_plan as $$
declare module text := mainstay.session_module();
begin
  perform mainstay.queue_jobs(array(
    select row(module || '/' || (j ->> 'job'), j -> 'payload', null, (j ->> 'run_at')::timestamptz, (j ->> 'max_attempts')::smallint,
        module || '/' || (j ->> 'job') || '/' || (j ->> 'key'), null, null)::graphile_worker.job_spec
      from json_array_elements(jobs) as given (j)));
end $$;

-- Takes a waiting job of the session's own module back.
create or replace function mainstay.cancel(job text, key text) returns void
  language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
begin
  delete from graphile_worker._private_jobs as jobs
    where jobs.key = mainstay.session_module() || '/' || cancel.job || '/' || cancel.key and jobs.locked_at is null;
end $$;

-- Queues one delivery of each event, a cloud event in JSON, for each handler of it. Deliveries of one aggregate share a
-- queue, so they run in turn, in the order given.
create or replace function mainstay.deliver_events(events json, max_attempts int) returns void
  language plpgsql security definer set search_path = '' set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare emitter text := mainstay.session_module();
begin
  perform mainstay.queue_jobs(array(
    select row(s.module || '/on:' || s.handler, event, s.module || ':' || (hashtext(event ->> 'subject') & 15),
        clock_timestamp() + place * interval '1 microsecond', max_attempts::smallint, null, null, null)::graphile_worker.job_spec
      from json_array_elements(events) with ordinality as given (event, place)
      join mainstay.subscriptions s on s.event_type = event ->> 'type'
      where event ->> 'source' = '/' || emitter
      order by place));
end $$;

revoke all on all functions in schema mainstay from public;
