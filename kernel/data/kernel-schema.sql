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

-- The org whose rows the transaction may see; null shows none.
create or replace function mainstay.current_org() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('app.org_id', true), '')::uuid;

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

-- Puts a job of the session's own module into the queue; with a key it replaces the waiting one.
create or replace function mainstay.enqueue(job text, payload json, run_at timestamptz, max_attempts int, key text) returns void
  language plpgsql security definer set search_path = '' as $$
declare module text := mainstay.session_module();
begin
  perform graphile_worker.add_job(module || '/' || job, payload, run_at => run_at, max_attempts => max_attempts,
    job_key => module || '/' || job || '/' || key);
end $$;

-- Takes a waiting job of the session's own module back.
create or replace function mainstay.cancel(job text, key text) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  delete from graphile_worker._private_jobs as jobs
    where jobs.key = mainstay.session_module() || '/' || cancel.job || '/' || cancel.key and jobs.locked_at is null;
end $$;

-- Queues one delivery of an event for each handler of it. Deliveries of one aggregate share a queue, so they run in turn.
create or replace function mainstay.deliver(event json, max_attempts int) returns void
  language plpgsql security definer set search_path = '' as $$
declare emitter text := mainstay.session_module();
begin
  perform graphile_worker.add_job(s.module || '/on:' || s.handler, event, run_at => clock_timestamp(), max_attempts => max_attempts,
      queue_name => s.module || ':' || (hashtext(event ->> 'subject') & 15))
    from mainstay.subscriptions s
    where s.event_type = event ->> 'type' and event ->> 'source' = '/' || emitter;
end $$;

revoke all on all functions in schema mainstay from public;
