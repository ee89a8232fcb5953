-- outside a transaction
create index concurrently if not exists sys_core_files_name on sys_core_files (org_id, name, id, visibility) where state = 'READY';
