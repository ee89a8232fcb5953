import { schemaOf } from '../data/names.ts';
import { sagaStates } from './saga-states.ts';

export const sagasTable = (module: string): string => `${schemaOf(module)}.${schemaOf(module)}_sagas`;
export const sagaEventsTable = (module: string): string => `${schemaOf(module)}.${schemaOf(module)}_saga_events`;

/**
 * Makes the tables of a module's sagas: a row a saga, with what each step gave; and the events that came before a saga
 * waited for them. A saga belongs to the org in which it was started, or to none.
 *
 *   RUNNING ⇄ WAITING → COMPLETED
 *      └────────┴→ COMPENSATING ⇄ STUCK
 *                      └────────────┴→ COMPENSATED        (saga-states.ts)
 *
 * `turn` grows with each change of a saga: a job of an earlier turn has nothing to do any more.
 */
export function sagasSql(module: string, owner: string, allOrgs: string): string {
  const [sagas, events, name] = [sagasTable(module), sagaEventsTable(module), schemaOf(module)];
  const protect = (table: string) => `
    alter table ${table} enable row level security;
    drop policy if exists own_org on ${table};
    create policy own_org on ${table} using (org is not distinct from (select mainstay.current_org())) with check (org is not distinct from (select mainstay.current_org()));
    drop policy if exists all_orgs on ${table};
    create policy all_orgs on ${table} to ${allOrgs} using (true) with check (true);`;
  return `
    set local role ${owner};
    create table if not exists ${sagas} (
      id uuid primary key,
      org uuid,
      name text not null,
      key text,
      state text not null default 'RUNNING' check (state in (${sagaStates.map((state) => `'${state}'`).join(', ')})),
      turn int not null default 0,
      step text not null,
      input jsonb not null,
      steps jsonb not null,
      attempts int not null default 0,
      error text not null default '',
      awaits text,
      wake_at timestamptz,
      is_cancelled boolean not null default false,
      deadline timestamptz,
      started_at timestamptz not null default clock_timestamp(),
      changed_at timestamptz not null default clock_timestamp(),
      ended_at timestamptz
    );
    create index if not exists ${name}_sagas_started on ${sagas} (started_at, id);
    create index if not exists ${name}_sagas_name on ${sagas} (name, started_at, id);
    create index if not exists ${name}_sagas_name_parts on ${sagas} using gin (name extensions.gin_trgm_ops);
    create index if not exists ${name}_sagas_state on ${sagas} (('SAGA_' || state), started_at, id);
    create index if not exists ${name}_sagas_org on ${sagas} (org, started_at, id);
    create index if not exists ${name}_sagas_ended on ${sagas} (ended_at) where ended_at is not null;
    create index if not exists ${name}_sagas_awaits on ${sagas} (name, awaits) where awaits is not null;
    create table if not exists ${events} (
      id uuid primary key default uuidv7(),
      org uuid,
      name text not null,
      awaited text not null,
      data jsonb not null,
      time timestamptz not null default clock_timestamp()
    );
    create index if not exists ${name}_saga_events_awaited on ${events} (name, awaited);
    create index if not exists ${name}_saga_events_time on ${events} (time);
    ${protect(sagas)}
    ${protect(events)}
    reset role`;
}
