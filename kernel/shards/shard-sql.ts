import { readFileSync } from 'node:fs';
import { enterOrgSql } from '../data/enter-org-sql.ts';
import { schemaOf } from '../data/names.ts';

/** What a shard's database has besides the kernel's schema. */
const SHARD_SCHEMA = readFileSync(new URL('./shard-schema.sql', import.meta.url), 'utf8');

/** The class of the advisory locks that writers share and the end of a move takes alone: one for each slot. */
export const SLOT_LOCK = 0x736c6f74;

/** The lock that transactions over all orgs share. */
export const ALL_SLOTS = 256;

/** The SQLSTATE of what is refused because an org's rows lie in another shard. */
export const WRONG_SHARD = 'MS421';

/** Makes a database a shard's; `keyDigest`, in hexadecimal, is of what the kernel shows to choose an org. */
export const shardSql = (keyDigest: string): string => `
  ${SHARD_SCHEMA};
  ${enterOrgSql(keyDigest, admitOrg)}`;

/** Writers hold the slot to the end of their transaction; whoever only reads has to come to the right shard. */
const admitOrg = `
    if exists (select from mainstay.modules where modules.all_orgs operator(pg_catalog.=) session_user) then
      if is_local then perform pg_catalog.pg_advisory_xact_lock_shared(${SLOT_LOCK}, ${ALL_SLOTS}); end if;
    elsif is_local then
      perform mainstay.hold_org(org);
    elsif org operator(pg_catalog.<>) '' then
      perform mainstay.require_slot(org::pg_catalog.uuid);
    end if;`;

/** What a module's own tables of the kernel have besides: of what it dealt with also whose it was, so that it can move with the org; and sagas that moved are not shown twice. */
export function shardModuleSql(module: string, owner: string): string {
  const prefix = schemaOf(module);
  return `
    set local role ${owner};
    alter table ${prefix}.${prefix}_inbox add column if not exists org uuid default mainstay.current_org();
    do $do$ begin
      if to_regclass('${prefix}.${prefix}_sagas') is not null then
        alter policy all_orgs on ${prefix}.${prefix}_sagas using (org is null or get_byte((select mainstay.owned_slots()), mainstay.slot_of(org)) = 1);
      end if;
    end $do$;
    reset role`;
}
