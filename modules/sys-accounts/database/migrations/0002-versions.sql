-- Etags name these: a change of what was meanwhile changed by another is refused.
alter table sys_accounts_accounts add column version integer not null default 1;
alter table sys_accounts_orgs add column version integer not null default 1;
alter table sys_accounts_projects add column version integer not null default 1;
