import { schemaOf } from '../data/names.ts';

/** The table in which a module keeps a record of each of its commands. */
export const commandsTable = (module: string): string => `${schemaOf(module)}.${schemaOf(module)}_commands`;

/**
 * Makes the table of a module's commands: a row a command, for the audit, and for commands with an idempotency key
 * also the answer. Rows wait there until the audit has them, those with a key for seven days; only the new ones and
 * those with a key are in an index, since nothing else is looked for.
 */
export function commandsSql(module: string, owner: string, allOrgs: string): string {
  const table = commandsTable(module);
  const name = schemaOf(module);
  return `
    set local role ${owner};
    create table if not exists ${table} (
      id uuid not null,
      time timestamptz not null default clock_timestamp(),
      method text not null,
      outcome text not null,
      org uuid,
      principal_kind text not null,
      principal_id text,
      actor text,
      session text,
      caller_module text,
      client_address text,
      trace_id text not null,
      subjects jsonb not null,
      idempotency bytea,
      request_hash bytea,
      answer bytea,
      collected boolean not null default false
    );
    create unique index if not exists ${name}_commands_new on ${table} (id) where not collected;
    create unique index if not exists ${name}_commands_idempotency on ${table} (idempotency) where idempotency is not null;
    alter table ${table} enable row level security;
    drop policy if exists own_org on ${table};
    create policy own_org on ${table} using (org is not distinct from (select mainstay.current_org())) with check (org is not distinct from (select mainstay.current_org()));
    drop policy if exists all_orgs on ${table};
    create policy all_orgs on ${table} to ${allOrgs} using (true) with check (true);
    reset role`;
}
