-- outside a transaction
create index concurrently if not exists sys_accounts_orgs_name_parts on sys_accounts_orgs using gin (name extensions.gin_trgm_ops);
