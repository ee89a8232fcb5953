-- outside a transaction
create index concurrently if not exists sys_accounts_accounts_managed on sys_accounts_accounts (managing_org, id) where managing_org is not null;
