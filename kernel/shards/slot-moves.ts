import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { connectionConfig, withClient } from '../data/connection.ts';
import { isUniqueViolation } from '../data/database-errors.ts';
import { surviveLoss } from '../data/pool.ts';
import { defineErrors } from '../errors/define-errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { DeploymentShards, ShardReport, SlotMovePlan, SlotMoveReport, SlotMoveRequest } from './deployment-shards.ts';
import { isOfSlots, movedTables } from './moved-tables.ts';
import { moveSlots, type MoveStep } from './move-slots.ts';
import { prepareShardMap, type Place } from './shard-map.ts';
import { SLOTS } from './slots.ts';

const errors = defineErrors('kernel', {
  SHARDS_UNKNOWN: ['NotFound', 'there is no shard {shard} of {process}; ./mainstay shards list shows what there is'],
  SHARD_MOVE_UNDER_WAY: ['FailedPrecondition', 'slots of {process} are on the move already ({id}); wait for its end'],
});

/** A process that is divided into shards, with the database of each. */
export interface DividedProcess {
  process: string;
  shards: readonly Place[];
}

export interface SlotMovesOptions {
  main: Place;
  secret: string;
  processes: readonly DividedProcess[];
  log: Logger;
  /** Told whenever slots changed hands, so that processes look at once what they own. */
  changed?: (process: string) => void | Promise<void>;
}

const columns = `id, process, slots, to_shard as "toShard", state, moved, rows_copied::float8 as "rowsCopied", longest_hold_ms::float8 as "longestHold", problem, create_time as "createTime", end_time as "endTime"`;
const PAUSE_MILLISECONDS = 1000;

/** Lists shards, and moves slots between them: moves are kept in the deployment's own database, and gone on with until they are over. */
export class SlotMoves implements DeploymentShards {
  readonly #options: SlotMovesOptions;
  readonly #main: pg.Pool;
  readonly #end = new AbortController();
  readonly #running = new Map<string, Promise<void>>();

  constructor(options: SlotMovesOptions) {
    this.#options = options;
    this.#main = surviveLoss(new pg.Pool({ ...connectionConfig(options.main.adminUrl, { database: options.main.database }), max: 2, idleTimeoutMillis: 10_000, allowExitOnIdle: true }));
  }

  /** Goes on with what an earlier process began. */
  async start(): Promise<void> {
    await prepareShardMap(this.#options.main, this.#options.secret);
    const { rows } = await this.#main.query<SlotMoveReport>(`select ${columns} from mainstay.slot_moves where end_time is null order by create_time`);
    for (const move of rows) this.#run(move);
  }

  /** Leaves what is under way to the next process. */
  async stop(): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    await Promise.allSettled(this.#running.values());
    await this.#main.end();
  }

  list(): Promise<ShardReport[]> {
    return Promise.all(this.#options.processes.flatMap(({ process, shards }) => shards.map(async (place, shard) => ({ process, shard, ...(await contentOf(place)) }))));
  }

  async plan({ process, slots, toShard }: Omit<SlotMoveRequest, 'id'>): Promise<SlotMovePlan> {
    const divided = this.#find(process, toShard);
    const sources = await Promise.all(divided.shards.filter((_, shard) => shard !== toShard).map((place) => contentOf(place, slots)));
    const sum = (of: (content: Content) => number) => sources.reduce((total, content) => total + of(content), 0);
    return { process: divided.process, toShard, slots: sources.flatMap((content) => content.slots).sort((one, other) => one - other), orgs: sum(({ orgs }) => orgs), rows: sum(({ rows }) => rows) };
  }

  async move(request: SlotMoveRequest): Promise<SlotMoveReport> {
    const { process } = this.#find(request.process, request.toShard);
    const { rows } = await this.#main.query<SlotMoveReport>(`insert into mainstay.slot_moves (id, process, slots, to_shard) values ($1, $2, $3, $4) returning ${columns}`, [request.id, process, request.slots, request.toShard]).catch(async (error: unknown) => {
      if (!isUniqueViolation(error, 'slot_moves_one')) throw error;
      throw errors.SHARD_MOVE_UNDER_WAY({ process, id: (await this.#unfinished(process)) ?? '' });
    });
    this.#run(rows[0]!);
    return report(rows[0]!);
  }

  async get(id: string): Promise<SlotMoveReport | undefined> {
    const { rows } = await this.#main.query<SlotMoveReport>(`select ${columns} from mainstay.slot_moves where id = $1`, [id]);
    return rows[0] && report(rows[0]);
  }

  /** Resolves when nothing moves any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  #find(name: string, toShard: number): DividedProcess {
    const { processes } = this.#options;
    const found = name === '' && processes.length === 1 ? processes[0] : processes.find(({ process }) => process === name);
    if (!found?.shards[toShard]) throw errors.SHARDS_UNKNOWN({ shard: toShard, process: name || 'any process' });
    return found;
  }

  async #unfinished(process: string): Promise<string | undefined> {
    return (await this.#main.query<{ id: string }>('select id from mainstay.slot_moves where process = $1 and end_time is null', [process])).rows[0]?.id;
  }

  #run(move: SlotMoveReport): void {
    this.#running.set(move.id, this.#runToEnd(move).finally(() => this.#running.delete(move.id)));
  }

  async #runToEnd(move: SlotMoveReport): Promise<void> {
    for (const { signal } = this.#end; !signal.aborted; await sleep(PAUSE_MILLISECONDS, undefined, { signal, ref: false }).catch(() => {})) {
      try {
        await this.#runFromAll(move);
        await this.#note(move, "state = 'DONE', end_time = clock_timestamp()");
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (await this.#fail(move, error)) return;
      }
    }
  }

  async #runFromAll({ id, process, slots, toShard }: SlotMoveReport): Promise<void> {
    const { shards } = this.#find(process, toShard);
    for (const [shard, source] of shards.entries()) {
      if (shard === toShard) continue;
      const progress = (step: MoveStep) => this.#progress({ id, process, toShard }, step);
      await moveSlots({ id, source, target: shards[toShard]!, toShard, slots, progress, signal: this.#end.signal });
    }
  }

  async #progress({ id, process, toShard }: Pick<SlotMoveReport, 'id' | 'process' | 'toShard'>, step: MoveStep): Promise<void> {
    if (step.step === 'copied') await this.#main.query('update mainstay.slot_moves set rows_copied = rows_copied + $2 where id = $1', [id, step.rows]);
    if (step.step !== 'moved') return;
    await this.#options.changed?.(process);
    await this.#main.query('update mainstay.shard_map set shard = $3 where process = $1 and slot = any($2::int[])', [process, step.slots, toShard]);
    await this.#main.query(`
      update mainstay.slot_moves set longest_hold_ms = greatest(longest_hold_ms, $3),
             moved = array(select distinct slot from unnest(moved || $2::smallint[]) as all_moved (slot) order by slot) where id = $1`, [id, step.slots, step.heldMilliseconds]);
  }

  /** Whether the move is over with this; what can't be reached now is tried again. */
  async #fail(move: SlotMoveReport, error: unknown): Promise<boolean> {
    if (!(error instanceof pg.DatabaseError) ? /terminated|not queryable|ECONN|closed|reached/i.test(String(error)) : /^(?:08|57P|53)/.test(error.code!)) return false;
    this.#options.log.error({ err: error, move: move.id }, 'slots could not be moved; those that had not moved stay where they are');
    await this.#note(move, `state = 'FAILED', end_time = clock_timestamp(), problem = ${pg.escapeLiteral((error as Error).message)}`).catch(() => {});
    return true;
  }

  async #note({ id }: SlotMoveReport, changes: string): Promise<void> {
    await this.#main.query(`update mainstay.slot_moves set ${changes} where id = $1`, [id]);
  }
}

const report = (row: SlotMoveReport & { endTime?: Date | null }): SlotMoveReport => ({ ...row, endTime: row.endTime ?? undefined });

type Content = Omit<ShardReport, 'process' | 'shard'>;

const every = Array.from({ length: SLOTS }, (_, slot) => slot);

/** What a shard has in the slots that it owns, or in those of them that are named. */
const contentOf = ({ adminUrl, database }: Place, of: readonly number[] = every): Promise<Content> =>
  withClient(connectionConfig(adminUrl, { database }), async (client) => {
    const { rows: owned } = await client.query<{ slot: number }>('select slot from mainstay.slots where slot = any($1::int[]) order by slot', [of]);
    const slots = owned.map(({ slot }) => slot);
    const tables = (await movedTables(client)).filter(({ org }) => org === 'org_id');
    const parts = tables.map((table) => `select ${table.org} as org from ${table.sql} as t where ${isOfSlots(table, '$1', 't')}`);
    const counted = parts.length > 0 ? `select count(*)::float8 as rows, count(distinct org)::int as orgs from (${parts.join(' union all ')}) as every` : 'select 0::float8 as rows, 0 as orgs where $1::int[] is not null';
    const { rows: [content] } = await client.query<{ rows: number; orgs: number; bytes: number }>(`select *, pg_database_size(current_database())::float8 as bytes from (${counted}) as content`, [slots]);
    return { slots, ...content! };
  });
