-- outside a transaction
create index concurrently if not exists sys_accounts_accounts_email_parts on sys_accounts_accounts using gin (email extensions.gin_trgm_ops);
