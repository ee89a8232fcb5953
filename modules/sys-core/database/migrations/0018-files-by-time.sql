-- outside a transaction
create index concurrently if not exists sys_core_files_time on sys_core_files (org_id, create_time, id, visibility) where state = 'READY';
