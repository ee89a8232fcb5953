-- Rows for tests of how lists grow, of several orgs: those of test.org and test.account among them.
insert into sys_accounts_orgs (id, name, personal, creator_id, created_at)
select md5('org' || n)::uuid, 'Org ' || n, n > 5000, md5('account' || n)::uuid, now() - n * interval '1 minute' from generate_series(1, 100000) n;

insert into sys_accounts_accounts (id, email, display_name, state, password_hash, personal_org, created_at, updated_at)
select md5('account' || n)::uuid, 'person' || n || '@many.test', 'Person ' || n, case when n % 500 = 0 then 'LOCKED' else 'ACTIVE' end, 'none', md5('org' || n)::uuid, now() - n * interval '1 minute', now() from generate_series(1, 100000) n;

insert into sys_accounts_role_grants (account_id, role, scope_org)
select md5('account' || n)::uuid, 'ADMIN', md5('org' || n)::uuid from generate_series(1, 100000) n
union all select md5('account' || n * 200)::uuid, 'USER', current_setting('test.org')::uuid from generate_series(1, 500) n;

insert into sys_accounts_projects (owner_org, name, created_at)
select case when n % 200 = 0 then current_setting('test.org')::uuid else md5('org' || n % 5000 + 1)::uuid end, 'Project ' || n, now() - n * interval '1 minute' from generate_series(1, 100000) n;

insert into sys_accounts_sessions (account_id, acting_org, created_at, expires_at, ended_at)
select account, org, now() - n * interval '1 minute', now() + interval '14 days', case when n % 3 = 0 then now() end
from (select n, case when n % 500 = 0 then current_setting('test.account')::uuid else md5('account' || n)::uuid end as account, case when n % 500 = 0 then current_setting('test.org')::uuid else md5('org' || n)::uuid end as org from generate_series(1, 100000) n) as many;

insert into sys_accounts_api_keys (account_id, acting_org, name, secret_hash, created_at, expires_at)
select account_id, acting_org, 'Key ' || n, '\x00', created_at, case when n % 2 = 0 then expires_at end from (select *, row_number() over (order by id) as n from sys_accounts_sessions) as many;

insert into sys_accounts_invitations (owner_org, email, role, language, created_at, expires_at)
select case when n % 200 = 0 then current_setting('test.org')::uuid else md5('org' || n % 5000 + 1)::uuid end, 'invited' || n || '@many.test', 'USER', 'en', now() - n * interval '1 minute', now() + interval '7 days' from generate_series(1, 100000) n;

insert into sys_accounts_actings (account_id, actor_id, reason, created_at, expires_at)
select case when n % 500 = 0 then current_setting('test.account')::uuid else md5('account' || n)::uuid end, md5('account1')::uuid, 'a reason', now() - n * interval '1 minute', now() from generate_series(1, 100000) n;

insert into sys_accounts_issues (subject, description, state, raiser_id, created_at, resolved_at)
select 'Issue ' || n, 'a description', case when n % 500 = 0 then 'ISSUE_OPEN' else 'ISSUE_RESOLVED' end, md5('account1')::uuid, now() - n * interval '1 minute', case when n % 500 <> 0 then now() end from generate_series(1, 100000) n;

insert into sys_accounts_user_requests (owner_org, account_id, kind, text, state, created_at, decided_at)
select case when n % 200 = 0 then current_setting('test.org')::uuid else md5('org' || n % 5000 + 1)::uuid end, case when n % 500 = 0 then current_setting('test.account')::uuid else md5('account' || n)::uuid end, 'HELP', 'a request', case when n % 3 = 0 then 'OPEN' else 'DECLINED' end, now() - n * interval '1 minute', case when n % 3 <> 0 then now() end from generate_series(1, 100000) n;

insert into sys_accounts_email_domains (owner_org, domain, challenge, created_at, verified_at)
select case when n % 200 = 0 then current_setting('test.org')::uuid else md5('org' || n % 5000 + 1)::uuid end, 'domain' || n || '.test', 'none', now() - n * interval '1 minute', case when n % 3 = 0 then now() end from generate_series(1, 100000) n;

insert into sys_accounts_group_mappings (owner_org, group_name, role, created_at)
select case when n % 200 = 0 then current_setting('test.org')::uuid else md5('org' || n % 5000 + 1)::uuid end, 'Group ' || n, 'USER', now() - n * interval '1 minute' from generate_series(1, 100000) n;

insert into sys_accounts_oauth_clients (owner_org, name, metadata, disabled, created_at)
select case when n % 200 = 0 then current_setting('test.org')::uuid else md5('org' || n % 5000 + 1)::uuid end, 'Client ' || n, '{"grant_types": [], "redirect_uris": [], "token_endpoint_auth_method": "none"}', n % 3 = 0, now() - n * interval '1 minute' from generate_series(1, 100000) n;

insert into sys_accounts_identity_providers (id, owner_org, name, kind, settings, disabled, created_at)
select md5('provider' || n)::uuid, case when n % 200 = 0 then current_setting('test.org')::uuid else md5('org' || n % 5000 + 1)::uuid end, 'Provider ' || n, 'OIDC', '{"issuer": "https://login.many.test", "clientId": "mainstay"}', n % 3 = 0, now() - n * interval '1 minute' from generate_series(1, 100000) n;

insert into sys_accounts_external_identities (provider_id, subject, account_id, created_at)
select md5('provider' || n)::uuid, 'subject ' || n, case when n % 500 = 0 then current_setting('test.account')::uuid else md5('account' || n)::uuid end, now() - n * interval '1 minute' from generate_series(1, 100000) n;

insert into sys_accounts_directory_users (owner_org, account_id, resource, created_at)
select case when n % 400 = 0 then current_setting('test.org')::uuid else md5('org' || n % 5000 + 1)::uuid end, md5('account' || n)::uuid, jsonb_build_object('userName', 'person' || n || '@many.test', 'externalId', 'external ' || n, 'displayName', 'Person ' || n), now() - n * interval '1 minute' from generate_series(1, 100000) n;

insert into sys_accounts_directory_groups (id, owner_org, display_name, created_at)
select md5('group' || n)::uuid, case when n % 200 = 0 then current_setting('test.org')::uuid else md5('org' || n % 5000 + 1)::uuid end, 'Group ' || n, now() - n * interval '1 minute' from generate_series(1, 100000) n;

insert into sys_accounts_directory_group_members (group_id, account_id)
select md5('group' || n)::uuid, md5('account' || n)::uuid from generate_series(1, 100000) n;
