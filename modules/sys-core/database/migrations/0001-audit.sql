-- The audit: a chain of entries. Each holds the hash of the one before it, and its own over both; see server/audit/.
create table sys_core_audit_entries (
  -- From 1, without gaps.
  sequence bigint primary key check (sequence > 0),
  id uuid not null unique,
  time timestamptz(3) not null,
  module text not null,
  method text not null,
  outcome text not null,
  principal_kind text not null check (principal_kind in ('account', 'module', 'anonymous')),
  principal_id text,
  actor_account_id text,
  -- Absent where somebody acted in no org: a failed login, a module's own work.
  org_id uuid,
  session_id text,
  caller_module text,
  client_address text,
  trace_id text not null,
  subjects jsonb not null,
  previous bytea not null check (length(previous) = 32),
  hash bytea not null check (length(hash) = 32)
);

-- Lists are newest first, each narrowed by one of these.
create index sys_core_audit_entries_time on sys_core_audit_entries (time, sequence);
create index sys_core_audit_entries_org on sys_core_audit_entries (org_id, time, sequence);
create index sys_core_audit_entries_principal on sys_core_audit_entries (principal_id, time, sequence);
create index sys_core_audit_entries_actor on sys_core_audit_entries (actor_account_id, time, sequence) where actor_account_id is not null;
create index sys_core_audit_entries_failed on sys_core_audit_entries (outcome, time, sequence) where outcome <> 'OK';
create index sys_core_audit_entries_trace on sys_core_audit_entries (trace_id);
create index sys_core_audit_entries_subjects on sys_core_audit_entries using gin (jsonb_path_query_array(subjects, '$.*') jsonb_path_ops);

-- What only the deployment's secret can make: that at this entry the chain had this hash. One is kept with each batch.
create table sys_core_audit_seals (
  sequence bigint primary key,
  hash bytea not null,
  time timestamptz(3) not null,
  mac bytea not null
);

-- At run time entries are added and read, never changed; those of an org only by the org, all by operators.
alter table sys_core_audit_entries enable row level security, force row level security;
create policy own_org on sys_core_audit_entries for select using (org_id = (select mainstay.current_org()));
create policy added on sys_core_audit_entries for insert with check (true);
do $$
declare roles mainstay.modules;
begin
  select * into strict roles from mainstay.modules where schema = 'sys_core';
  execute format('create policy all_orgs on sys_core_audit_entries for select to %I, %I using (true)', roles.all_orgs, roles.owner);
  execute format('revoke update, delete, truncate, references, trigger on sys_core_audit_entries, sys_core_audit_seals from %I, %I', roles.login, roles.all_orgs);
end $$;

-- Whoever adds to the chain must know its end, and which entries it holds already, whatever org they act in.
create function sys_core_audit_end(given uuid[], out sequence bigint, out hash text, out known uuid[])
  language sql stable security definer set search_path = sys_core, pg_temp as $$
  select coalesce(head.sequence, 0), encode(coalesce(head.hash, decode(repeat('00', 32), 'hex')), 'hex'),
         array(select id from sys_core_audit_entries where id = any (given))
    from (select) as one left join lateral (select e.sequence, e.hash from sys_core_audit_entries e order by e.sequence desc limit 1) as head on true
$$;
