import { availableParallelism } from 'node:os';
import type { CompiledQuery, QueryResult } from 'kysely';
import pg from 'pg';
import { codeOf, databaseError, databaseErrors, isAfterFailure, isStalePlan, rolledBack } from './database-errors.ts';
import { enteringOrg } from './enter-org.ts';
import { holdWrites, socketOf } from './hold-writes.ts';
import { MOST_WAITING } from './pool.ts';
import { runBatch } from './statement-batch.ts';
import { runStatement, type Answer } from './statement.ts';
import { toResult } from './to-result.ts';

/** Most of these connections that a module opens: more would only wake more of the server's processes. */
const MOST = Math.min(8, Math.max(2, availableParallelism() * 2));
/** Units of work that may stand behind each other before another connection is opened. */
const DEPTH = 4;
/** Units under way on one connection: more would fill the memory with answers that nobody has taken yet. */
const FULL = 12;
/** A connection whose first unit takes longer than this, in milliseconds, gets no more behind it. */
const SLOW = 50;
const IDLE_MILLISECONDS = 30_000;

const REFUSED = '42501';

interface PipelinesOptions {
  settings: pg.ClientConfig;
  /** What a connection shows to choose its org. */
  orgKey: Buffer;
}

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
  readonly #options: PipelinesOptions;
  readonly #lanes = new Set<Lane>();
  readonly #waiting: Waiting[] = [];
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: PipelinesOptions) {
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

/** One such connection. */
class Lane {
  /** Units under way. */
  pending = 0;
  /** When the unit that is first in line got there, in milliseconds of `performance.now()`. */
  since = performance.now();
  readonly #client: pg.Client;
  readonly #orgKey: Buffer;
  readonly #connected: Promise<unknown>;
  readonly #unitEnded: () => void;
  readonly #gone: () => void;
  #isConnected = false;
  #isClosed = false;
  /** The org that the session is in for good, where that is known. */
  #org: string | undefined;
  /** What units under way enter, in their order. */
  readonly #entering: string[] = [];

  constructor({ settings, orgKey }: PipelinesOptions, unitEnded: () => void, gone: () => void) {
    this.#client = new pg.Client(settings);
    this.#orgKey = orgKey;
    this.#unitEnded = unitEnded;
    this.#gone = gone;
    // The unit that was under way reports the loss.
    this.#client.on('error', () => this.#drop()).on('end', () => this.#drop());
    this.#connected = this.#client.connect().then(() => (this.#isConnected = true));
    this.#connected.catch(() => this.#drop());
  }

  /** Whether what is sent next finds the session in this org, whatever becomes of what is under way. */
  isIn(orgId: string): boolean {
    return this.#org === orgId && this.#entering.every((entered) => entered === orgId);
  }

  isHeldUp(): boolean {
    return this.#isClosed || (this.pending > 0 && performance.now() - this.since > SLOW);
  }

  /** Runs a statement that only reads, in an org. */
  read<R>(orgId: string, query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#unit(async () => {
      const entered = this.isIn(orgId) ? undefined : this.#enter(orgId);
      const answer = this.#send(query.sql, query.parameters);
      if (entered) {
        this.#settleBy(entered.then(() => true));
        answer.catch(() => {});
        // Without it the statement saw the rows of another org: they must not be given out.
        await entered;
      }
      return toResult<R>(await answer);
    });
  }

  /** Runs statements as one transaction of an org, sent in one write. */
  transact(orgId: string, statements: readonly CompiledQuery[]): Promise<void> {
    return this.#unit(async () => {
      const isIn = this.isIn(orgId);
      const together = runBatch(this.#client, isIn ? statements : [enteringOrg('session', orgId, this.#orgKey), ...statements]);
      if (!together) return this.#transactOneByOne(orgId, statements);
      if (!isIn) {
        this.#entering.push(orgId);
        this.#settleBy(together.then(() => true));
      }
      await together;
    });
  }

  /** The same for statements that the connection does not know yet. */
  async #transactOneByOne(orgId: string, statements: readonly CompiledQuery[]): Promise<void> {
    const begun = this.#send('begin');
    const entered = this.isIn(orgId) ? undefined : this.#enter(orgId);
    const sent = [begun, ...statements.map(({ sql, parameters }) => this.#send(sql, parameters))];
    const committed = this.#send('commit');
    const isDone = committed.then(({ command }) => command !== 'ROLLBACK');
    if (entered) this.#settleBy(isDone);
    for (const each of [...sent, entered, isDone]) each?.catch(() => {});
    if (await isDone) return;
    // After a failed statement PostgreSQL answers a commit by rolling back.
    const failed = (await Promise.allSettled([entered, ...sent])).filter((each) => each.status === 'rejected').map(({ reason }): unknown => reason);
    throw failed.find((reason) => !isAfterFailure(reason)) ?? rolledBack();
  }

  async end(): Promise<void> {
    this.#drop();
    await this.#client.end().catch(() => {});
  }

  async #unit<R>(work: () => Promise<R>): Promise<R> {
    if (this.pending++ === 0) {
      this.since = performance.now();
      if (this.#isConnected) socketOf(this.#client).ref();
    }
    try {
      if (!this.#isConnected) await this.#connected;
      holdWrites(this.#client);
      return await work();
    } catch (error) {
      throw this.#explain(error);
    } finally {
      this.since = performance.now();
      if (--this.pending === 0) socketOf(this.#client).unref();
      this.#unitEnded();
    }
  }

  #enter(orgId: string): Promise<Answer> {
    this.#entering.push(orgId);
    const { sql, parameters } = enteringOrg('session', orgId, this.#orgKey);
    return this.#send(sql, parameters);
  }

  /** The session stays in the org that the first in line enters if this comes out true: nothing can undo it any more. */
  #settleBy(isDone: Promise<boolean>): void {
    const settle = (stays: boolean) => {
      const entered = this.#entering.shift();
      if (stays) this.#org = entered;
      else if (this.#org !== entered) this.#org = undefined;
    };
    isDone.then(settle, () => settle(false));
  }

  #send(text: string, values?: readonly unknown[]): Promise<Answer> {
    return runStatement(this.#client, text, values);
  }

  /** Takes no more work. */
  #drop(): void {
    this.#isClosed = true;
    this.#gone();
  }

  #explain(error: unknown): unknown {
    const explained = databaseError(error);
    // A session in an unknown state, or with the plan of a table that has changed, is left to those who use it already.
    if (explained !== error || isStalePlan(error) || codeOf(error) === REFUSED) {
      this.#drop();
      const close = () => (this.pending === 0 ? void this.#client.end().catch(() => {}) : setTimeout(close, 10));
      setTimeout(close, 10);
    }
    return explained;
  }
}

export type { Lane };
