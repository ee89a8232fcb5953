-- 0012-audit-by-account.sql replaces it: entries of modules are found by no account.
drop index if exists sys_core_audit_entries_principal;
