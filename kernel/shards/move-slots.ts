import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { connectionConfig } from '../data/connection.ts';
import { codeOf } from '../data/database-errors.ts';
import { captureChanges, endCapture, takeChanges } from './capture-changes.ts';
import { copyChanges, copyRows, prepareCarrier, removeRows } from './copy-rows.ts';
import { announceArrival, giveAway, holdSlots, takeJobs, takeOver } from './hand-over.ts';
import { movedTables, requireAlike, type MovedTable } from './moved-tables.ts';
import type { Place } from './shard-map.ts';
import { SLOT_LOCK } from './shard-sql.ts';

export interface SlotMove {
  /** Its id, a UUID: what was begun under it is gone on with under it. */
  id: string;
  source: Place;
  target: Place;
  /** The number of the target's shard. */
  toShard: number;
  slots: readonly number[];
  /** Told of each step, after it is committed. */
  progress?: (step: MoveStep) => void | Promise<void>;
  /** Ends it between two steps; what is left is gone on with later. */
  signal?: AbortSignal;
  /** How long those who read by what they knew have before the rows are gone; 2000 if absent. */
  removeAfterMilliseconds?: number;
}

export type MoveStep =
  /** So many rows more are with the target. */
  | { step: 'copied'; rows: number }
  /** The target owns these slots now; so long were writes held, in milliseconds. */
  | { step: 'moved'; slots: readonly number[]; heldMilliseconds: number }
  /** The source's rows are gone. */
  | { step: 'removed' };

/** The advisory lock of whoever moves slots from or to a database: one at a time. */
const MOVER = 257;
/** Changes that are few enough to be carried over while writes are held. */
const FEW_CHANGES = 200;
/** Jobs that are carried over at once while writes are held. */
const FEW_JOBS = 2000;
const MOST_ROUNDS = 20;
const MOST_HOLDS = 200;

/**
 * Moves slots from one shard to another while they are in use: copies a snapshot, then what changed meanwhile, holds writes
 * for the last changes, and gives the slots away. Each step is a transaction, and what it left tells the next mover where
 * this one stood: it may be ended at any moment and called again. What can't be carried over, such as a value that must be
 * unique and is there already, is thrown after everything that had not moved was undone.
 */
export async function moveSlots(move: SlotMove): Promise<void> {
  try {
    await withMover(move, (mover) => mover.run());
  } catch (error) {
    if (move.signal?.aborted || isLost(error)) throw error;
    // With connections of its own: whatever was under way on the others is over by then.
    await withMover(move, (mover) => mover.undo());
    throw error;
  }
}

/** Keeps slots from being moved from or to a database until the transaction ends; false if a move is under way there. */
export async function holdMoves(client: pg.ClientBase): Promise<boolean> {
  return (await client.query<{ held: boolean }>('select pg_try_advisory_xact_lock($1, $2) as held', [SLOT_LOCK, MOVER])).rows[0]!.held;
}

async function withMover(move: SlotMove, work: (mover: Mover) => Promise<void>): Promise<void> {
  const clients = [move.source, move.target, move.source].map(({ adminUrl, database }) => new pg.Client(connectionConfig(adminUrl, { database })));
  for (const client of clients) client.on('error', () => {});
  const [source, target, reader] = clients as [pg.Client, pg.Client, pg.Client];
  try {
    for (const client of clients) await client.connect().then(() => prepareCarrier(client));
    await lockMoves(source, move.signal);
    await lockMoves(target, move.signal);
    await work(new Mover(move, { source, target, reader }));
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
  }
}

/** The lock belongs to the session that does the work: whoever gets it knows that nothing of an earlier mover is under way. */
async function lockMoves(client: pg.Client, signal?: AbortSignal): Promise<void> {
  while (!(await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1, $2) as locked', [SLOT_LOCK, MOVER])).rows[0]!.locked) {
    signal?.throwIfAborted();
    await sleep(100);
  }
}

interface Clients {
  source: pg.Client;
  target: pg.Client;
  /** Also of the source: sees what is committed while `source` holds writes. */
  reader: pg.Client;
}

class Mover {
  readonly #move: SlotMove;
  readonly #clients: Clients;
  #tables: readonly MovedTable[] = [];

  constructor(move: SlotMove, clients: Clients) {
    this.#move = move;
    this.#clients = clients;
  }

  async run(): Promise<void> {
    const { source, target } = this.#clients;
    this.#tables = await movedTables(source);
    requireAlike(this.#tables, await movedTables(target));
    await this.#finishGivenAway();
    const staying = await slotsIn(source, this.#move.slots);
    if (staying.length > 0) await this.#moveAll(staying);
    await endCapture(source);
    await this.#removeLeft();
  }

  /** Slots that were given away and not taken: nobody could write in them since. */
  async #finishGivenAway(): Promise<void> {
    const given = (await this.#clients.source.query<{ slot: number }>('select slot from mainstay.left_slots where move = $1 order by slot', [this.#move.id])).rows.map(({ slot }) => slot);
    if (given.length === 0) return;
    await takeOver(this.#clients.target, this.#move.id, given);
    await this.#tell({ step: 'moved', slots: given, heldMilliseconds: 0 });
  }

  async #moveAll(slots: readonly number[]): Promise<void> {
    await this.#copyAll(slots);
    for (const group of await this.#groups(slots)) await this.#handOver(group, slots);
  }

  async #copyAll(slots: readonly number[]): Promise<void> {
    const { source, target, reader } = this.#clients;
    await endCapture(source);
    // What an earlier try brought, or an earlier move left.
    await removeRows(target, this.#tables, slots);
    await captureChanges(source, this.#tables, slots);
    await reader.query('begin isolation level repeatable read, read only');
    for (const table of this.#tables) {
      this.#move.signal?.throwIfAborted();
      await this.#tell({ step: 'copied', rows: await copyRows(reader, target, table, slots) });
    }
    await reader.query('commit');
    for (let round = 0; round < MOST_ROUNDS && (await this.#catchUp(slots)) > FEW_CHANGES; round++) this.#move.signal?.throwIfAborted();
  }

  /** Brings the target to what is committed in the source now. `last` joins the target's transaction. Gives how many rows had changed. */
  async #catchUp(slots: readonly number[], last?: () => Promise<void>): Promise<number> {
    const { target, reader } = this.#clients;
    await reader.query('begin isolation level repeatable read');
    await target.query('begin');
    try {
      const count = await copyChanges(reader, target, this.#tables, slots, await takeChanges(reader));
      await last?.();
      await target.query('commit');
      // Only now: if it comes to an end before, the same is brought again.
      await reader.query('commit');
      return count;
    } catch (error) {
      await Promise.allSettled([reader.query('rollback'), target.query('rollback')]);
      throw error;
    }
  }

  /** Slots that are handed over together: few jobs at a time, since they are carried over while writes are held. */
  async #groups(slots: readonly number[]): Promise<number[][]> {
    const { rows } = await this.#clients.source.query<{ slot: number; jobs: number }>(`
      select slot, (select count(*)::int from graphile_worker._private_jobs where mainstay.slot_of_job(payload) = slot) as jobs from unnest($1::int[]) as given (slot) order by slot`, [slots]);
    const groups: number[][] = [];
    let room = 0;
    for (const { slot, jobs } of rows) {
      if (groups.length === 0 || jobs > room) [room] = [FEW_JOBS, groups.push([])];
      groups.at(-1)!.push(slot);
      room -= jobs;
    }
    return groups;
  }

  /** `moving` are all slots whose changes are noted; of these the group and those behind it are still here. */
  async #handOver(group: readonly number[], moving: readonly number[]): Promise<void> {
    const { source, target } = this.#clients;
    for (let tries = 0; ; tries++) {
      this.#move.signal?.throwIfAborted();
      const staying = await slotsIn(source, moving);
      await this.#catchUp(staying);
      const start = performance.now();
      try {
        await source.query('begin');
        await holdSlots(source, group);
        const jobs = await takeJobs(source, group);
        await this.#catchUp(staying, () => announceArrival(target, this.#move.id, group, jobs));
        await giveAway(source, group, this.#move.id, this.#move.toShard);
        await source.query('commit');
      } catch (error) {
        await source.query('rollback').catch(() => {});
        if (!isHeldUp(error)) throw error;
        if (tries >= MOST_HOLDS) throw new Error('somebody writes in these orgs for too long at a time: try again when less is going on', { cause: error });
        await sleep(50 + 200 * Math.random());
        continue;
      }
      await takeOver(target, this.#move.id, group);
      await this.#tell({ step: 'moved', slots: group, heldMilliseconds: performance.now() - start });
      return;
    }
  }

  /** Leaves what has moved where it is, and removes all trace of what has not. */
  async undo(): Promise<void> {
    const { source, target } = this.#clients;
    await this.#finishGivenAway();
    await endCapture(source);
    const staying = await slotsIn(source, this.#move.slots);
    await removeRows(target, await movedTables(target), staying);
    await target.query('delete from mainstay.arriving_slots where slot = any($1::int[])', [staying]);
    await target.query('delete from mainstay.arriving_jobs where slot = any($1::int[])', [staying]);
  }

  async #removeLeft(): Promise<void> {
    const { source } = this.#clients;
    const left = (await source.query<{ slot: number }>('select slot from mainstay.left_slots where move = $1', [this.#move.id])).rows.map(({ slot }) => slot);
    if (left.length === 0) return;
    await sleep(this.#move.removeAfterMilliseconds ?? 2000, undefined, { signal: this.#move.signal });
    // Records that the audit is about to get are left to it: they are shown to nobody, and go with time.
    await removeRows(source, this.#tables, left, async () => this.#move.signal?.throwIfAborted());
    await source.query('delete from mainstay.left_slots where move = $1', [this.#move.id]);
    await this.#tell({ step: 'removed' });
  }

  async #tell(step: MoveStep): Promise<void> {
    await this.#move.progress?.(step);
  }
}

/** Which of these slots a shard owns. */
async function slotsIn(client: pg.Client, slots: readonly number[]): Promise<number[]> {
  const { rows } = await client.query<{ slot: number }>('select slot from mainstay.slots where slot = any($1::int[]) order by slot', [slots]);
  return rows.map(({ slot }) => slot);
}

/** Somebody wrote for longer than others are kept waiting, or both waited for each other. */
const isHeldUp = (error: unknown): boolean => ['55P03', '57014', '40P01', '40001'].includes(codeOf(error));

/** Nothing can be undone now; whoever comes next goes on. */
const isLost = (error: unknown): boolean => !(error instanceof pg.DatabaseError) ? /terminated|not queryable|ECONN|closed/i.test(String(error)) : error.code!.startsWith('57P') || error.code!.startsWith('08') || error.code === '53100';
