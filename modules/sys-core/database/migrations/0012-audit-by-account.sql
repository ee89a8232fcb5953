-- outside a transaction
create index concurrently if not exists sys_core_audit_entries_account on sys_core_audit_entries ((case principal_kind when 'account' then principal_id end), time, sequence);
