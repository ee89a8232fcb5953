-- Rows for tests of how lists grow, of several orgs: those of test.org and test.account among them.
insert into mod_promist_contacts (org_id, owner_id, name, email, create_time)
select org, owner, 'Contact ' || n, 'contact' || n || '@many.test', now() - n * interval '1 minute'
from (select n, case when n % 20 = 0 then current_setting('test.org')::uuid else md5('org' || n % 200)::uuid end as org, case when n % 100 = 0 then current_setting('test.account')::uuid else md5('account' || n % 997)::uuid end as owner from generate_series(1, 100000) n) as many;

insert into mod_promist_promises (org_id, owner_id, title, description, made_at, due_time, promisee_name, promisee_account_id, tags, state, settled_at, archived, create_time, update_time)
select org, owner, 'Promise ' || n, 'All about ' || n, made, case when n % 3 > 0 then made + interval '40 days' end, case when n % 4 = 0 then 'Friend ' || n % 50 else '' end,
  case when n % 1000 = 20 then current_setting('test.account')::uuid when n % 5 = 0 then md5('account' || n % 991)::uuid end, array['tag' || n % 30, 'tag' || n % 7],
  state, case when state <> 'PENDING' then made + interval '1 day' end, state = 'FULFILLED', made, made
from (select n, case when n % 20 = 0 then current_setting('test.org')::uuid else md5('org' || n % 200)::uuid end as org, case when n % 100 = 0 then current_setting('test.account')::uuid else md5('account' || n % 997)::uuid end as owner,
  now() - n * interval '1 minute' as made, (array['PENDING', 'PENDING', 'FULFILLED', 'FAILED'])[n / 100 % 4 + 1] as state from generate_series(1, 100000) n) as many;

insert into mod_promist_shares (org_id, promise_id, account_id, permission)
select org_id, id, case when n % 500 = 0 then current_setting('test.account')::uuid else md5('account' || n % 983)::uuid end, 'VIEW'
from (select org_id, id, owner_id, row_number() over (order by id desc) as n from mod_promist_promises) as many on conflict do nothing;

insert into mod_promist_reminders (org_id, promise_id, time)
select org_id, id, made_at + interval '30 days' from mod_promist_promises;

insert into mod_promist_changes (org_id, promise_id, account_id, field, after)
select org_id, id, owner_id, 'created', title from mod_promist_promises;

insert into mod_promist_notifications (org_id, account_id, kind, promise_id, title, create_time, read_time)
select org_id, case when n % 100 = 0 then current_setting('test.account')::uuid else md5('account' || n % 983)::uuid end, 'SHARED', id, title, create_time, case when n % 4 > 0 then create_time end
from (select *, row_number() over (order by id) as n from mod_promist_promises) as many;
