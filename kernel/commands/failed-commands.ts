import type { Logger } from '../telemetry/log.ts';
import { requireRoom } from '../data/disk-room.ts';
import type { ModuleDatabase } from '../data/create-database.ts';
import { currentTime } from '../data/current-time.ts';
import { runInCall } from '../guard/call.ts';
import { recordStatements, type RecordValues } from './command-record.ts';

const MOST_WAITING = 10_000;
const BATCH = 500;
const PAUSE_MILLISECONDS = 100;
const PAUSE_AFTER_FAILURE_MILLISECONDS = 2000;

/**
 * Keeps the records of commands that were refused or failed. Nobody waits for it: they are written in batches, after
 * the answer, and while the database can't be reached at most ten thousand wait.
 */
export class FailedCommands {
  readonly #database: ModuleDatabase<any>;
  readonly #log: Logger;
  readonly #kept: () => void;
  readonly #insertMany: ReturnType<typeof recordStatements>['insertMany'];
  #waiting: [...RecordValues, time: string][] = [];
  #lost = 0;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `kept` is told when new records are there. */
  constructor(database: ModuleDatabase<any>, log: Logger, kept: () => void) {
    this.#database = database;
    this.#log = log;
    this.#kept = kept;
    this.#insertMany = recordStatements(database.module).insertMany;
  }

  add(record: RecordValues): void {
    if (this.#waiting.length >= MOST_WAITING) this.#lost++;
    else this.#waiting.push([...record, currentTime().toISOString()]);
    this.#timer ??= setTimeout(() => void this.#writeSoon(), PAUSE_MILLISECONDS).unref();
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writing;
    await this.#write();
  }

  async #writeSoon(): Promise<void> {
    this.#writing = this.#write();
    await this.#writing;
    this.#writing = this.#timer = undefined;
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => void this.#writeSoon(), PAUSE_AFTER_FAILURE_MILLISECONDS).unref();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        await this.#insert(batch);
        this.#kept();
      } catch (error) {
        this.#log.warn({ err: error, module: this.#database.module, waiting: this.#waiting.length + batch.length }, 'records of refused commands could not be kept yet');
        this.#waiting.unshift(...batch);
        return;
      }
    }
    if (this.#lost > 0) this.#log.error({ module: this.#database.module, lost: this.#lost }, 'records of refused commands were lost: too many waited');
    this.#lost = 0;
  }

  async #insert(batch: [...RecordValues, time: string][]): Promise<unknown> {
    requireRoom(this.#database);
    const call = { principal: { kind: 'module' as const, module: this.#database.module }, traceId: '0'.repeat(32) };
    return runInCall(call, () => this.#database.writeAcrossOrgs(async (tx) => tx.atCommit({ compile: () => this.#insertMany(batch) as never })));
  }
}
