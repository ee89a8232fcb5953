-- outside a transaction
create index concurrently if not exists sys_core_files_size on sys_core_files (org_id, size, id, visibility) where state = 'READY';
