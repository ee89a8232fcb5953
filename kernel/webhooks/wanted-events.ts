import type pg from 'pg';
import type { Logger } from '../telemetry/log.ts';
import { OUTBOUND_HANDLER } from './outbound-webhooks.ts';

const ASK_MILLISECONDS = 1000;

export interface WantedEventsOptions {
  /** Of the database in which this process's modules announce. */
  pool: pg.Pool;
  /** The module that tells other systems of events. */
  module: string;
  /** Which ones somebody wants; rejects while the process that knows is away. */
  ask: () => Promise<readonly string[]>;
  log: Logger;
}

/**
 * The types of events that other systems want to be told of. Their subscriptions come and go in this process's database within
 * a second or two, so that what nobody wants is not queued. While the process that knows is away, what it said last counts.
 */
export class WantedEvents {
  #types = new Set<string>();
  #stop = () => {};

  /** Whether one of this type is queued for it. */
  has(type: string): boolean {
    return this.#types.has(type);
  }

  async start({ pool, module, ask, log }: WantedEventsOptions): Promise<void> {
    this.#types = await readKept(pool, module);
    let [isOver, wasAway] = [false, false];
    const look = async () => {
      try {
        const wanted = new Set(await ask());
        if (!isSame(wanted, this.#types)) await keep(pool, module, [...wanted]);
        this.#types = wanted;
        wasAway = false;
      } catch (error) {
        if (!isOver && !wasAway) log.debug({ err: error }, 'which events other systems want is not known anew: it is as it was');
        wasAway = true;
      }
    };
    const again = () => {
      if (!isOver) timer = setTimeout(() => void look().then(again), ASK_MILLISECONDS);
    };
    let timer: NodeJS.Timeout | undefined;
    this.#stop = () => {
      isOver = true;
      clearTimeout(timer);
    };
    await look();
    again();
  }

  stop(): void {
    this.#stop();
  }
}

const isSame = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean => one.size === other.size && [...one].every((type) => other.has(type));

async function readKept(pool: pg.Pool, module: string): Promise<Set<string>> {
  const { rows } = await pool.query<{ event_type: string }>('select event_type from mainstay.subscriptions where module = $1 and handler = $2', [module, OUTBOUND_HANDLER]);
  return new Set(rows.map(({ event_type }) => event_type));
}

async function keep(pool: pg.Pool, module: string, types: readonly string[]): Promise<void> {
  await pool.query(`
    with gone as (delete from mainstay.subscriptions where module = $1 and handler = $2 and event_type <> all ($3::text[]))
    insert into mainstay.subscriptions select type, $1, $2 from unnest($3::text[]) as type on conflict do nothing`, [module, OUTBOUND_HANDLER, types]);
}
