-- outside a transaction
create index concurrently if not exists sys_accounts_accounts_name_parts on sys_accounts_accounts using gin (display_name extensions.gin_trgm_ops);
