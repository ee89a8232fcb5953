import { availableParallelism } from 'node:os';
import { databaseErrors } from './database-errors.ts';
import { Lane, type LaneOptions } from './lane.ts';
import { MOST_WAITING } from './pool.ts';

/** Most of these connections that a module opens: more would only wake more of the server's processes. */
const MOST = Math.min(8, Math.max(2, availableParallelism() * 2));
/** Units of work that may stand behind each other before another connection is opened. */
const DEPTH = 4;
/** Units under way on one connection: more would fill the memory with answers that nobody has taken yet. */
const FULL = 12;
/** Only load opens more than one or two, and it comes back: opened anew, they plan each statement several times again. */
const IDLE_MILLISECONDS = 5 * 60_000;

interface Waiting {
  orgId: string;
  /** Without a connection of those it runs alone. */
  start: (lane: Lane | undefined) => void;
}

/**
 * Connections on which units of work of many callers travel one behind the other, without waiting for each other's
 * answers: reads of one statement, and transactions whose statements are all known when they begin. A few connections
 * carry as much as many that each wait for one caller, and the server wakes fewer processes (PostgreSQL, "Pipeline Mode").
 */
export class Pipelines {
  readonly #options: LaneOptions;
  readonly #lanes = new Set<Lane>();
  readonly #waiting: Waiting[] = [];
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  get totalCount(): number {
    return this.#lanes.size;
  }

  get idleCount(): number {
    return [...this.#lanes].filter(({ pending }) => pending === 0).length;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  readonly options = { max: MOST };

  /**
   * Runs a unit of work of an org as soon as there is room for it, in the order in which they came; `alone` if all
   * connections are held up, so that it should have one to itself.
   */
  run<R>(orgId: string, unit: (lane: Lane) => Promise<R>, alone: () => Promise<R>): Promise<R> {
    if (this.#waiting.length >= MOST_WAITING) return Promise.reject(databaseErrors.DATABASE_BUSY());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ orgId, start: (lane) => (lane ? unit(lane) : alone()).then(resolve, reject) });
      this.#startWaiting();
    });
  }

  #startWaiting(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const lane = this.#choose(first.orgId);
      if (lane && lane.pending >= FULL) return;
      this.#waiting.shift();
      first.start(lane);
    }
  }

  /** The connection that has most room; none if all are held up. */
  #choose(orgId: string): Lane | undefined {
    let best: Lane | undefined;
    let least = Infinity;
    for (const lane of this.#lanes) {
      if (lane.isHeldUp()) continue;
      const load = lane.pending + (lane.isIn(orgId) ? 0 : 2);
      if (load < least) [best, least] = [lane, load];
    }
    if (best && (least < DEPTH || this.#lanes.size >= MOST)) return best;
    return this.#lanes.size < MOST ? this.#open() : undefined;
  }

  async end(): Promise<void> {
    clearInterval(this.#sweep);
    await Promise.all([...this.#lanes].map((lane) => lane.end()));
  }

  #open(): Lane {
    const lane = new Lane(this.#options, () => this.#startWaiting(), () => this.#lanes.delete(lane));
    this.#lanes.add(lane);
    this.#sweep ??= setInterval(() => this.#closeIdle(), IDLE_MILLISECONDS / 3).unref();
    return lane;
  }

  #closeIdle(): void {
    for (const lane of this.#lanes) if (lane.pending === 0 && performance.now() - lane.since > IDLE_MILLISECONDS) void lane.end();
  }
}
