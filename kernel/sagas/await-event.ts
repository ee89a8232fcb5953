import { toJson, type DescMessage } from '@bufbuild/protobuf';
import { CompiledQuery } from 'kysely';
import type { Database } from '../data/database.ts';
import { currentTime } from '../data/current-time.ts';
import { schemaOf } from '../data/names.ts';
import { runKey } from '../data/prepared.ts';
import { sagaJob, type EventStep, type SagaDeclaration } from './saga.ts';
import { beginUndoing, factsOf, finishStep } from './saga-moves.ts';
import { saveSaga, type Run, type SagaRow } from './saga-row.ts';
import { hasEnded, moved } from './saga-states.ts';

/** A handler of an event, as a module declares one. */
export interface SagaSubscription {
  event: DescMessage;
  name: string;
  handle: (needs: any, event: never) => Promise<void>;
}

const LOCK_CLASS = 0x77616974;

/** Neither may an event come while a saga looks whether it came, nor the other way round. */
const lock = (run: Run, saga: string, awaited: string) => run(CompiledQuery.raw(`select pg_advisory_xact_lock(${LOCK_CLASS}, hashtext($1))`, [`${saga}/${awaited}`]));

const awaitedOf = (step: EventStep, key: string): string => `${step.name}/${key}`;

/** Goes on if the event came or its time is over, and waits otherwise: until when it gives. */
export async function awaitEvent(run: Run, module: string, saga: SagaDeclaration<any>, row: SagaRow, step: EventStep): Promise<Date | undefined> {
  const now = currentTime();
  const awaited = row.awaits ?? awaitedOf(step, step.key(factsOf(saga, row)));
  await lock(run, saga.name, awaited);
  const events = `${schemaOf(module)}_saga_events`;
  const { rows: [came] } = await run<{ data: unknown }>(CompiledQuery.raw(`delete from ${events} where id = (select id from ${events} where name = $1 and awaited = $2 order by id limit 1) returning data`, [saga.name, awaited]));
  const end = row.wake_at ?? new Date(now.getTime() + step.timeoutSeconds * 1000);
  if (came) finishStep(row, came.data, now);
  else if (end <= now && step.onTimeout === 'fail') beginUndoing(saga, row, `the event of step ${step.name} did not come within ${step.timeoutSeconds} seconds`, false, now);
  else if (end <= now) finishStep(row, null, now);
  else {
    Object.assign(row, { state: moved(row.state, 'WAITING'), awaits: awaited, wake_at: end, turn: row.turn + 1 });
    return end;
  }
  return undefined;
}

/** The subscriptions by which the events that sagas of a module wait for reach them. */
export const subscriptionsOf = (module: string, sagas: readonly SagaDeclaration<any>[]): SagaSubscription[] =>
  sagas.flatMap((saga) => saga.steps.flatMap((step) => (step.kind === 'event' ? [subscriptionOf(module, saga, step)] : [])));

function subscriptionOf(module: string, saga: SagaDeclaration<any>, step: EventStep): SagaSubscription {
  const handle = ({ db }: { db: Database<any> }, event: never) => db.write(async (tx) => {
    const run = (tx as unknown as Record<typeof runKey, Run>)[runKey];
    const awaited = awaitedOf(step, step.keyOf(event));
    const data = toJson(step.event as DescMessage, event);
    await lock(run, saga.name, awaited);
    const { rows } = await run<SagaRow>(CompiledQuery.raw(`select id, name, state, turn, step, input, steps, attempts, error, awaits, wake_at, is_cancelled, deadline from ${schemaOf(module)}_sagas where name = $1 and awaits = $2 for update`, [saga.name, awaited]));
    if (rows.length === 0) await run(CompiledQuery.raw(`insert into ${schemaOf(module)}_saga_events (org, name, awaited, data) values (mainstay.current_org(), $1, $2, $3)`, [saga.name, awaited, JSON.stringify(data)]));
    for (const row of rows) {
      const { turn } = row;
      row.state = moved(row.state, 'RUNNING');
      finishStep(row, data, currentTime());
      await saveSaga(run, module, row, turn, hasEnded(row.state));
      if (!hasEnded(row.state)) await tx.enqueue({ name: sagaJob(saga.name), run: async () => {} }, { saga: row.id, turn: row.turn, step: row.step });
    }
  });
  return { event: step.event, name: `saga:${saga.name}/${step.name}`, handle };
}
