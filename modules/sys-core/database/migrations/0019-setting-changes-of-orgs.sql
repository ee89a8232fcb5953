-- outside a transaction
create index concurrently if not exists sys_core_setting_changes_orgs on sys_core_setting_changes (org_id, time, revision);
