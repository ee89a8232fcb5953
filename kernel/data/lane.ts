import type { CompiledQuery, QueryResult } from 'kysely';
import pg from 'pg';
import { codeOf, databaseError, isAfterFailure, isStalePlan, rolledBack } from './database-errors.ts';
import { enteringOrg, holdingOrg } from './enter-org.ts';
import { holdWrites, socketOf } from './hold-writes.ts';
import { readyToSend, runBatch, type BatchedStatement } from './statement-batch.ts';
import { runStatement, type Answer } from './statement.ts';
import { toResult } from './to-result.ts';

/** A connection whose first unit takes longer than this, in milliseconds, gets no more behind it. */
const SLOW = 50;

const REFUSED = '42501';

export interface LaneOptions {
  settings: pg.ClientConfig;
  /** What a connection shows to choose its org. */
  orgKey: Buffer;
  /** The database is a shard's, in which orgs are only as long as their slots. */
  sharded?: boolean;
}

/** A connection on which units of work travel one behind the other; see `Pipelines`. */
export class Lane {
  /** Units under way. */
  pending = 0;
  /** When the unit that is first in line got there, in milliseconds of `performance.now()`. */
  since = performance.now();
  readonly #client: pg.Client;
  readonly #orgKey: Buffer;
  readonly #sharded: boolean;
  readonly #connected: Promise<unknown>;
  readonly #unitEnded: () => void;
  readonly #gone: () => void;
  #isConnected = false;
  #isClosed = false;
  /** The org that the session is in for good, where that is known. */
  #org: string | undefined;
  /** What units under way enter, in their order. */
  readonly #entering: string[] = [];

  constructor({ settings, orgKey, sharded = false }: LaneOptions, unitEnded: () => void, gone: () => void) {
    this.#client = new pg.Client(settings);
    this.#orgKey = orgKey;
    this.#sharded = sharded;
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
  transact(orgId: string, work: readonly CompiledQuery[]): Promise<void> {
    return this.#unit(async () => {
      const isIn = this.isIn(orgId);
      const statements = this.#sharded ? [holdingOrg(orgId), ...work] : work;
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
  async #transactOneByOne(orgId: string, statements: readonly BatchedStatement[]): Promise<void> {
    const ready = readyToSend(statements);
    const begun = this.#send('begin');
    const entered = this.isIn(orgId) ? undefined : this.#enter(orgId);
    const sent = [begun, ...ready.map(({ sql, parameters }) => this.#send(sql, parameters))];
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
