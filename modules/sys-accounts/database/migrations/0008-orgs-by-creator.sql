-- outside a transaction
create index concurrently if not exists sys_accounts_orgs_by_creator on sys_accounts_orgs (creator_id, id);
