-- outside a transaction
create index concurrently if not exists sys_accounts_accounts_by_time on sys_accounts_accounts (created_at, id);
