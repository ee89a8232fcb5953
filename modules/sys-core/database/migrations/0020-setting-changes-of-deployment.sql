-- outside a transaction
create index concurrently if not exists sys_core_setting_changes_deployment on sys_core_setting_changes (time, revision) where org_id is null;
