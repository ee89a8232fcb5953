import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const FIRST_PAUSE_MILLISECONDS = 50;
const LONGEST_PAUSE_MILLISECONDS = 1000;
const FETCHES = 'get_job';
const COMPLETES_IN_QUEUE = 'complete_job_q/';
const FAILS = /^fail_job(?:_q)?\//;
const SETTLES = /^(?:complete|fail|return)_jobs?(?:_q)?\//;

/**
 * The connections that take and finish jobs. Whatever tells PostgreSQL what became of a job is sent until it has it:
 * graphile-worker tries once and waits for nobody, so a lost connection would leave the job locked and the process with
 * a rejection that nobody handles. It also knows which jobs this process holds, so that others can be given back.
 */
export class QueuePool extends pg.Pool {
  /** Ids of the jobs that were taken and not settled. */
  readonly held = new Set<string>();
  /** Called when a job has ended that others in its queue may have waited for. */
  queueFreed: () => void = () => {};
  /** No job is taken meanwhile: that alone would be a write. */
  isPaused: () => boolean = () => false;
  readonly #letGo = new Set<string>();
  readonly #settling = new Set<Promise<unknown>>();

  // The library's own use, with a callback, is for connections that last.
  override connect(callback?: any): any {
    return callback ? super.connect(callback) : Promise.resolve(this.#whenNeeded());
  }

  /** A job that was given back already, so it may be somebody's again: that it failed here is told to nobody. */
  letGo(id: string): void {
    this.held.delete(id);
    this.#letGo.add(id);
  }

  /** Resolves when everything that ended has been told, or after some milliseconds. */
  async settled(milliseconds: number): Promise<void> {
    await Promise.race([Promise.allSettled(this.#settling), sleep(milliseconds, undefined, { ref: false })]);
  }

  /** A connection that is made with its first statement: while a job is being settled none is held. */
  #whenNeeded(): Pick<pg.PoolClient, 'query' | 'release'> {
    let client: Promise<pg.PoolClient> | undefined;
    return {
      query: async (query: pg.QueryConfig, values?: unknown[]) => {
        if (SETTLES.test(query.name ?? '')) return this.#settle(query);
        const fetches = query.name?.startsWith(FETCHES);
        if (fetches && this.isPaused()) return { rows: [] };
        const result = await (await (client ??= super.connect())).query(query, values);
        if (fetches) for (const { id } of result.rows as { id: string }[]) this.held.add(id);
        return result;
      },
      release: () => void client?.then((made) => made.release(), () => {}),
    } as never;
  }

  #settle(query: pg.QueryConfig): Promise<unknown> {
    if (FAILS.test(query.name!) && this.#letGo.delete(jobsIn(query)[0]!)) return Promise.resolve({ rows: [] });
    const settling = this.#insist(query).finally(() => this.#settling.delete(settling));
    this.#settling.add(settling);
    return settling;
  }

  async #insist(query: pg.QueryConfig): Promise<unknown> {
    for (let pause = FIRST_PAUSE_MILLISECONDS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS)) {
      try {
        const result = await this.query(query);
        for (const id of jobsIn(query)) this.held.delete(id);
        if (query.name!.startsWith(COMPLETES_IN_QUEUE)) this.queueFreed();
        return result;
      } catch {
        // The next process finds the job locked by one that is gone.
        if (this.ending) return { rows: [] };
        await sleep(pause);
      }
    }
  }
}

function jobsIn({ name = '', values = [] }: pg.QueryConfig): string[] {
  if (FAILS.test(name)) return (JSON.parse(values[1] as string) as { jobId: string }[]).map(({ jobId }) => jobId);
  return (values.find(Array.isArray) ?? [values[0]]) as string[];
}
