-- outside a transaction
create index concurrently if not exists sys_accounts_email_domains_parts on sys_accounts_email_domains using gin (domain extensions.gin_trgm_ops);
