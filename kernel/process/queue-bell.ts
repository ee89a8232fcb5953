import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

export interface QueueBellOptions {
  pool: Pick<pg.Pool, 'query'>;
  /** Makes the workers of this process look for jobs. */
  nudge: () => void;
  /** Other processes work on the same queue. */
  isShared: boolean;
}

/** So much is told at once, in milliseconds: a notification wakes a process of the server for each that listens. */
const PAUSE_MILLISECONDS = 5;
// Nothing is lost with it that the next look at the queue would not find, so it waits for no disk.
const TELL = `select set_config('synchronous_commit', 'off', true), pg_notify('jobs:insert', '{"count":1}')`;

/**
 * Tells workers of jobs that were committed: those of this process at once, those of others by a notification of its own. PostgreSQL
 * lets transactions that notify commit one at a time in the whole server ("Lock object"), and each would wait there for its disk.
 */
export class QueueBell {
  readonly #options: QueueBellOptions;
  #isTelling = false;
  #isRung = false;

  constructor(options: QueueBellOptions) {
    this.#options = options;
  }

  ring(): void {
    this.#options.nudge();
    if (!this.#options.isShared) return;
    this.#isRung = true;
    if (!this.#isTelling) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#isTelling = true;
    while (this.#isRung) {
      this.#isRung = false;
      // Who is not told looks by itself within half a second.
      await this.#options.pool.query(TELL).catch(() => {});
      await sleep(PAUSE_MILLISECONDS, undefined, { ref: false });
    }
    this.#isTelling = false;
  }
}
