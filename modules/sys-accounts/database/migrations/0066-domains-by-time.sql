-- outside a transaction
create index concurrently if not exists sys_accounts_email_domains_by_time on sys_accounts_email_domains (created_at, id);
