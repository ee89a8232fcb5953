-- The org whose directory locked the account, and may unlock it; null where an operator did.
alter table sys_accounts_accounts add column locking_org uuid references sys_accounts_orgs;
