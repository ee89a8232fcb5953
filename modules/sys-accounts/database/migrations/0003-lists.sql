-- What lists are filtered and ordered by. Closed accounts have no address, and come first where it orders.
create index sys_accounts_accounts_by_email on sys_accounts_accounts (coalesce(lower(email), ''), id);
create index sys_accounts_accounts_by_state on sys_accounts_accounts (state, id);
create index sys_accounts_accounts_by_time on sys_accounts_accounts (created_at, id);
create index sys_accounts_orgs_by_name on sys_accounts_orgs (lower(name), id);
create index sys_accounts_orgs_by_time on sys_accounts_orgs (created_at, id);
create index sys_accounts_orgs_by_creator on sys_accounts_orgs (creator_id, id);

-- Parts of texts, for those who search all orgs. A server without the extension reads the table instead.
do $$ begin
  if exists (select from pg_opclass join pg_namespace on pg_namespace.oid = opcnamespace where opcname = 'gin_trgm_ops' and nspname = 'extensions') then
    create index sys_accounts_accounts_email_parts on sys_accounts_accounts using gin (email extensions.gin_trgm_ops);
    create index sys_accounts_accounts_name_parts on sys_accounts_accounts using gin (display_name extensions.gin_trgm_ops);
    create index sys_accounts_orgs_name_parts on sys_accounts_orgs using gin (name extensions.gin_trgm_ops);
  end if;
end $$;
