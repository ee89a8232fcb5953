/**
 * Makes the function by which the kernel, and nobody else, chooses the org of a transaction. `keyDigest`, in hexadecimal, is of what
 * it shows to do so; `admit` are statements that fail where the org may not be chosen.
 */
export const enterOrgSql = (keyDigest: string, admit = ''): string => `
  create or replace function mainstay.enter_org(org text, key bytea, is_local boolean) returns void
    language plpgsql security definer as $$
  begin
    if key is null or pg_catalog.sha256(key) operator(pg_catalog.<>) '\\x${keyDigest}'::pg_catalog.bytea then
      raise exception 'only the kernel chooses the org of a transaction' using errcode = 'insufficient_privilege';
    end if;
    ${admit}
    perform pg_catalog.set_config('app.org_id', org, is_local);
    if org operator(pg_catalog.<>) '' then
      perform pg_catalog.setval('mainstay.entered_org'::pg_catalog.regclass, pg_catalog.uuid_hash_extended(org::pg_catalog.uuid, 0));
    end if;
  end $$;
  revoke all on function mainstay.enter_org from public`;
