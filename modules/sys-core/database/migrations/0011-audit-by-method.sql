-- outside a transaction
create index concurrently if not exists sys_core_audit_entries_method on sys_core_audit_entries (module, method, time, sequence);
