-- outside a transaction
create index concurrently if not exists sys_accounts_orgs_by_time on sys_accounts_orgs (created_at, id);
