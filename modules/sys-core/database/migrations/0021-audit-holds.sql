-- Whoever adds to the chain must know whether it still has an entry, whatever org they act in.
create function sys_core_audit_holds(at_sequence bigint, with_hash text) returns boolean
  language sql stable security definer set search_path = sys_core, pg_temp as $$
  select exists (select from sys_core_audit_entries where sequence = at_sequence and hash = decode(with_hash, 'hex'))
$$;
