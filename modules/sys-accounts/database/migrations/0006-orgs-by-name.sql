-- outside a transaction
create index concurrently if not exists sys_accounts_orgs_by_name on sys_accounts_orgs (lower(name), id);
