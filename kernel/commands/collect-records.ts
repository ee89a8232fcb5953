import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { AuditEntry, AuditLog } from '../audit/audit-log.ts';
import { connectionConfig, type AdminUrl } from '../data/connection.ts';
import { currentTime } from '../data/current-time.ts';
import type { DiskRoom } from '../data/disk-room.ts';
import { surviveLoss } from '../data/pool.ts';
import type { Logger } from '../telemetry/log.ts';
import { commandsTable } from './commands-table.ts';

export interface CollectorOptions {
  adminUrl: AdminUrl;
  database: string;
  /** The modules whose records it collects. */
  modules: readonly string[];
  audit: AuditLog;
  /** While there is none on the disk the records wait. */
  room?: DiskRoom;
  log: Logger;
}

export interface Collector {
  /** Says that there are new records. */
  soon(): void;
  /** Hands over what is there, and ends. */
  stop(): Promise<void>;
}

/** More at once would hold up the answers of this process. */
const BATCH = 250;
/** New records are with the audit within about this time, unless the process has its hands full. */
const PAUSE_MILLISECONDS = 200;
/** Under load they wait at most this long: they are kept already, and answers come first. */
const LATEST_MILLISECONDS = 10_000;
/** The share of its time from which a process counts as loaded. */
const BUSY = 0.75;
/** What a process that died has left is looked for now and then. */
const LOOK_MILLISECONDS = 5000;

/**
 * Hands the records of commands to the audit, those of a module in the order of their ids as far as they were committed
 * when it looked. A record is marked only after the audit has it, so after a crash it is handed over again; it is found
 * by its mark and not by a position, so one that was committed late is not passed over.
 */
export function collectRecords(options: CollectorOptions): Collector {
  const pool = surviveLoss(new pg.Pool({ ...connectionConfig(options.adminUrl, { database: options.database }), max: 1, idleTimeoutMillis: 10_000, allowExitOnIdle: true }));
  const wake = new Wake();
  const collecting = (async () => {
    while (!wake.stopped) {
      await collectAll(pool, options, () => wake.stopped).catch((error: unknown) => options.log.warn({ err: error }, 'the audit could not take the records of commands; they wait for it'));
      await wake.wait(LOOK_MILLISECONDS);
      if (!wake.stopped) await sleep(PAUSE_MILLISECONDS, undefined, { ref: false });
    }
    await collectAll(pool, options, () => true);
  })();
  return {
    soon: () => wake.call(),
    stop: async () => {
      wake.stop();
      await collecting.catch((error: unknown) => options.log.warn({ err: error }, 'the audit could not take the last records of commands; it gets them after the next start'));
      await pool.end();
    },
  };
}

/** A pause that is over when somebody calls. */
class Wake {
  stopped = false;
  #called = false;
  #over: (() => void) | undefined;

  call(): void {
    this.#called = true;
    this.#over?.();
  }

  stop(): void {
    this.stopped = true;
    this.call();
  }

  async wait(milliseconds: number): Promise<void> {
    if (!this.#called) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, milliseconds).unref();
      this.#over = resolve;
      await promise;
      clearTimeout(timer);
    }
    this.#over = undefined;
    this.#called = false;
  }
}

/** A module whose records can't be read, or be taken, does not hold up the others. */
async function collectAll(pool: pg.Pool, { modules, audit }: CollectorOptions, hurries: () => boolean): Promise<void> {
  const errors: unknown[] = [];
  for (const module of modules) await collectModule(pool, module, audit, hurries).catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

async function collectModule(pool: pg.Pool, module: string, audit: AuditLog, hurries: () => boolean): Promise<void> {
  for (let oldest = currentTime().getTime(); ; ) {
    await calm(oldest + LATEST_MILLISECONDS, hurries);
    const rows = await collectBatch(pool, module, audit);
    if (rows.length < BATCH) return;
    oldest = rows[0]!.time.getTime();
  }
}

/** Waits until the process is not loaded, or until `latest`, in milliseconds since the epoch by the database's clock, which gave the records their times. */
async function calm(latest: number, hurries: () => boolean): Promise<void> {
  for (let before = performance.eventLoopUtilization(); currentTime().getTime() < latest && !hurries(); ) {
    await sleep(PAUSE_MILLISECONDS / 4, undefined, { ref: false });
    const now = performance.eventLoopUtilization();
    if (performance.eventLoopUtilization(now, before).utilization < BUSY) return;
    before = now;
  }
}

async function collectBatch(pool: pg.Pool, module: string, audit: AuditLog): Promise<RecordRow[]> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query('begin');
    const { rows } = await client.query<RecordRow>(`
      select id, time, method, outcome, org, principal_kind, principal_id, actor, session, caller_module, client_address, trace_id, subjects
        from ${commandsTable(module)} where not collected order by id limit ${BATCH} for update skip locked`);
    if (rows.length > 0) {
      await audit.append(rows.map((row) => entryOf(module, row)));
      await settle(client, module, rows.map(({ id }) => id));
    }
    await client.query('commit');
    return rows;
  } catch (error) {
    broken = await client.query('rollback').then(() => false, () => true);
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Only a record with an idempotency key is still needed, for its answer. */
async function settle(client: pg.PoolClient, module: string, ids: string[]): Promise<void> {
  const table = commandsTable(module);
  await client.query(`delete from ${table} where not collected and id = any($1::uuid[]) and idempotency is null`, [ids]);
  await client.query(`update ${table} set collected = true where not collected and id = any($1::uuid[])`, [ids]);
}

interface RecordRow {
  id: string;
  time: Date;
  method: string;
  outcome: string;
  org: string | null;
  principal_kind: AuditEntry['principalKind'];
  principal_id: string | null;
  actor: string | null;
  session: string | null;
  caller_module: string | null;
  client_address: string | null;
  trace_id: string;
  subjects: Record<string, string>;
}

const entryOf = (module: string, row: RecordRow): AuditEntry => ({
  id: row.id,
  time: row.time,
  module,
  method: row.method,
  outcome: row.outcome,
  principalKind: row.principal_kind,
  principalId: row.principal_id ?? undefined,
  actorAccountId: row.actor ?? undefined,
  orgId: row.org ?? undefined,
  sessionId: row.session ?? undefined,
  callerModule: row.caller_module ?? undefined,
  clientAddress: row.client_address ?? undefined,
  traceId: row.trace_id,
  subjects: row.subjects,
});
