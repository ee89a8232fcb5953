-- outside a transaction
create index concurrently if not exists sys_accounts_accounts_by_email on sys_accounts_accounts (coalesce(lower(email), ''), id);
