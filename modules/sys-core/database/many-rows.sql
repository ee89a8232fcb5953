-- Rows for tests of how lists grow, of several orgs: those of test.org and test.account among them.
insert into sys_core_audit_entries (sequence, id, time, module, method, outcome, principal_kind, principal_id, actor_account_id, org_id, client_address, trace_id, subjects, previous, hash)
select 1000000 + n, uuidv7(), now() + n * interval '1 second', 'mod-many', 'many.v1.Many/Do' || n % 30, case when n % 50 = 0 then 'NOT_FOUND' else 'OK' end, 'account', md5('account' || n % 997)::uuid::text, case when n % 400 = 0 then md5('account' || n % 7)::uuid::text end,
  case when n % 100 = 0 then current_setting('test.org')::uuid else md5('org' || n % 200)::uuid end, '192.0.2.' || n % 250, md5('trace' || n), jsonb_build_object('thing_id', md5('thing' || n % 5000)), decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex')
from generate_series(1, 100000) n;

insert into sys_core_setting_changes (revision, module, key, org_id, version, reason, account_id)
select 1000000 + n, 'mod-many', 'key' || n % 10, case when n % 100 = 0 then current_setting('test.org')::uuid else md5('org' || n % 200)::uuid end, n, 'since', md5('account' || n % 997)::uuid from generate_series(1, 100000) n;

insert into sys_core_files (org_id, owner_account_id, name, content_type, size, sha256, visibility, state)
select case when n % 20 = 0 then current_setting('test.org')::uuid else md5('org' || n % 200)::uuid end, case when n % 100 = 0 then current_setting('test.account')::uuid else md5('account' || n % 997)::uuid end,
  'file' || n || '.txt', 'text/plain', n, repeat(md5('file' || n), 2), case when n % 3 = 0 then 'ORG' else 'PRIVATE' end, 'READY' from generate_series(1, 100000) n;

-- The queue: jobs that wait for their time, and dead letters among them.
insert into graphile_worker._private_tasks (identifier) select 'mod-many/do' || n from generate_series(1, 20) n;
insert into graphile_worker._private_jobs (task_id, run_at, attempts, max_attempts, last_error)
select task.id, now() + interval '1 year', case when n % 100 = 0 then 12 else 0 end, 12, case when n % 100 = 0 then 'it failed' end
from generate_series(1, 100000) n join graphile_worker._private_tasks as task on task.identifier = 'mod-many/do' || n % 20 + 1;

-- Sagas, most of which have ended.
insert into sys_core_sagas (id, org, name, state, step, input, steps, started_at, ended_at)
select uuidv7(), md5('org' || n % 200)::uuid, 'saga' || n % 10, case when n % 500 = 0 then 'RUNNING' when n % 700 = 0 then 'STUCK' when n % 9 = 0 then 'COMPENSATED' else 'COMPLETED' end, 'step' || n % 7, 'null', '[]', now() + n * interval '1 second', case when n % 500 <> 0 and n % 700 <> 0 then now() end
from generate_series(1, 100000) n;

-- Webhooks, most of which were sent.
insert into sys_core_webhook_deliveries (id, endpoint_id, org_id, event_id, event_type, body, outcome, next_try, create_time)
select gen_random_uuid(), md5('endpoint' || n % 50)::uuid, case when n % 10 = 0 then null when n % 100 = 1 then current_setting('test.org')::uuid else md5('org' || n % 200)::uuid end, md5('event' || n), 'many.v1.Event' || n % 30, '{}',
  case when n % 500 = 0 then 'PENDING' when n % 70 = 0 then 'FAILED' else 'DELIVERED' end, case when n % 500 = 0 then now() + interval '1 year' end, now() + n * interval '1 second'
from generate_series(1, 100000) n;
