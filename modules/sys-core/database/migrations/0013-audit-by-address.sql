-- outside a transaction
create index concurrently if not exists sys_core_audit_entries_address on sys_core_audit_entries (client_address) where client_address is not null;
