import { untilReachable } from '../data/until-reachable.ts';
import type { Logger } from '../telemetry/log.ts';

/** How long a start waits for a database that recovers or is not there yet, in milliseconds. */
const PATIENCE = 30_000;

/** Does a step of the start as soon as the database lets it, which may be recovering; gives up after half a minute. */
export function whenReachable<T>(log: Logger, step: () => Promise<T>): Promise<T> {
  const began = performance.now();
  return untilReachable((triesBefore) => {
    if (triesBefore === 3) log.warn('the start waits for the database');
    return step();
  }, () => performance.now() - began < PATIENCE);
}
