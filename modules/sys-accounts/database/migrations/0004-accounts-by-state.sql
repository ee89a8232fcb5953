-- outside a transaction
create index concurrently if not exists sys_accounts_accounts_by_state on sys_accounts_accounts (state, id);
