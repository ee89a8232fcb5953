-- outside a transaction
create index concurrently if not exists sys_accounts_issues_by_time on sys_accounts_issues (created_at, id);
