-- outside a transaction
create index concurrently if not exists sys_core_files_type on sys_core_files (org_id, content_type, id, visibility) where state = 'READY';
