import { setTimeout as sleep } from 'node:timers/promises';
import { isRepeatable, isStalePlan } from './database-errors.ts';

const ATTEMPTS = 5;
const MOST_STALE_CONNECTIONS = 10;

/**
 * Runs a whole transaction again when it failed for a reason that is gone then: two that stood in each other's way, of
 * which one was rolled back, or a connection that still had the plan of a table that has changed.
 */
export async function repeatedly<R>(run: () => Promise<R>, mayRepeat: () => boolean = () => true): Promise<R> {
  for (let attempt = 1, stale = 0; ; ) {
    try {
      return await run();
    } catch (error) {
      if (!mayRepeat()) throw error;
      if (isStalePlan(error) && stale++ < MOST_STALE_CONNECTIONS) continue;
      if (attempt >= ATTEMPTS || !isRepeatable(error)) throw error;
      await sleep(2 ** attempt++ * 5 * (0.5 + Math.random()));
    }
  }
}
