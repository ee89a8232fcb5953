import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../errors/define-errors.ts';
import { databaseError } from './database-errors.ts';

const AWAY = new Set(['kernel.DATABASE_UNAVAILABLE', 'kernel.DATABASE_BUSY', 'kernel.DATABASE_FULL']);
const FIRST_PAUSE_MILLISECONDS = 50;
const LONGEST_PAUSE_MILLISECONDS = 1000;

/** Whether work failed for want of the database alone: it can be done when that is there again. */
export function isDatabaseAway(error: unknown): boolean {
  if (AWAY.has(reasonOf(databaseError(error)) ?? '')) return true;
  return error instanceof Error && error.cause !== undefined && isDatabaseAway(error.cause);
}

/**
 * Does work that the database kept from being done again and again, until it is done or `mayGoOn` says no; the database
 * may be starting, recovering, full or without a free connection. `work` gets how often it was tried before.
 */
export async function untilReachable<T>(work: (triesBefore: number) => Promise<T>, mayGoOn: (error: unknown) => boolean): Promise<T> {
  for (let tries = 0, pause = FIRST_PAUSE_MILLISECONDS; ; tries++, pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS)) {
    try {
      return await work(tries);
    } catch (error) {
      if (!isDatabaseAway(error) || !mayGoOn(error)) throw error;
      await sleep(pause * (0.5 + Math.random() / 2));
    }
  }
}
