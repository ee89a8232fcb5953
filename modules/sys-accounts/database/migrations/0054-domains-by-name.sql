-- outside a transaction
create index concurrently if not exists sys_accounts_email_domains_by_name on sys_accounts_email_domains (domain, id);
