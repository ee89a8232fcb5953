import type pg from 'pg';
import { currentTime } from '../data/current-time.ts';
import { schemaOf } from '../data/names.ts';
import { readHandlerLag } from '../events/handler-lag.ts';
import { KEEP_DAYS } from '../events/prune-mailboxes.ts';
import { replayEvents } from '../events/replay-events.ts';
import type { Operations } from '../module/operations.ts';
import { receiveWebhook, type WebhookPlace } from '../webhooks/receive-webhook.ts';
import { redactText } from '../telemetry/redact-text.ts';
import { cancelSaga, readSaga, readSagas, retrySaga } from './saga-operations.ts';
import { discardDeadLetter, readDeadLetters, retryDeadLetter } from './dead-letters.ts';

const DAY = 86_400_000;

/** What operators of this process can see and do, once its queue runs. */
export class OperationsOfProcess implements Operations {
  #pool: pg.Pool | undefined;
  readonly #keepDays: number;
  #places: readonly WebhookPlace[] = [];

  /** `keepDays`: how long what was announced is kept. */
  constructor(keepDays = KEEP_DAYS) {
    this.#keepDays = keepDays;
  }

  /** `places`: the modules that run here. */
  start(pool: pg.Pool, places: readonly WebhookPlace[]): void {
    this.#pool = pool;
    this.#places = places;
  }

  /** The connections that take and finish jobs, once they do. */
  get pool(): pg.Pool {
    return this.#running;
  }

  readonly deadLetters: Operations['deadLetters'] = {
    // What a handler said of its failure could name a person or hold a secret.
    list: async (request, options) => {
      const { rows, ...page } = await readDeadLetters(this.#running, request, options);
      return { rows: rows.map((letter) => ({ ...letter, error: redactText(letter.error) })), ...page };
    },
    retry: (id) => retryDeadLetter(this.#running, id),
    discard: (id) => discardDeadLetter(this.#running, id),
  };

  readonly sagas: Operations['sagas'] = {
    list: (request, options) => readSagas(this.#running, request, options),
    get: (id) => readSaga(this.#running, id),
    cancel: (id) => cancelSaga(this.#running, id),
    retry: (id) => retrySaga(this.#running, id),
  };

  readonly webhooks: Operations['webhooks'] = { receive: (request) => receiveWebhook(this.#places, request) };

  readonly events: Operations['events'] = {
    lag: (module) => readHandlerLag(this.#running, module),
    keptSince: async () => new Date(currentTime().getTime() - this.#keepDays * DAY).toISOString(),
    replay: (request) => replayEvents(this.#running, request),
  };

  async queueOf(module: string): ReturnType<Operations['queueOf']> {
    const { rows } = await this.#running.query<{ waiting: number; dead: number; oldest: number }>({ name: 'queue_of_module', text: QUEUE, values: [module] });
    const { waiting, dead, oldest } = rows[0]!;
    return { waiting, deadLetters: dead, oldestSeconds: oldest };
  }

  async migrationsOf(module: string): ReturnType<Operations['migrationsOf']> {
    const table = `${schemaOf(module)}.${schemaOf(module)}_migrations`;
    const { rows: [found] } = await this.#running.query<{ there: boolean }>('select to_regclass($1) is not null as there', [table]);
    if (!found!.there) return [];
    const { rows } = await this.#running.query<{ name: string; applied_at: Date }>(`select name, applied_at from ${table} order by name`);
    return rows.map(({ name, applied_at }) => ({ name, appliedAt: applied_at }));
  }

  get #running(): pg.Pool {
    if (!this.#pool) throw new Error('the queue does not run yet: ask once the process is ready');
    return this.#pool;
  }
}

// What waits for its turn is read from the queue's own index alone, never from the jobs themselves.
const QUEUE = `
  with own as materialized (
    select array(select id from graphile_worker._private_tasks where split_part(identifier, '/', 1) = $1) as tasks
  ), due as (
    select run_at from graphile_worker._private_jobs where is_available = true and run_at <= now() and task_id = any((select tasks from own)::int[])
    union all
    select run_at from graphile_worker._private_jobs where locked_at is not null and run_at <= now() and task_id = any((select tasks from own)::int[])
  )
  select count(*)::int as waiting, coalesce(extract(epoch from now() - min(run_at)), 0)::float8 as oldest,
         (select count(*) from graphile_worker._private_jobs where attempts > 0 and attempts >= max_attempts and locked_at is null and task_id = any((select tasks from own)::int[]))::int as dead
    from due`;
