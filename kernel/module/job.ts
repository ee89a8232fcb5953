import { checkTimeZone } from './time-zone-schedule.ts';

/** Work done outside of a request: queued by a command, or on a schedule. */
export interface JobDeclaration<N, P = unknown> {
  /** Unique in the module; kebab-case. */
  name: string;
  /** Cron expression, for work on a schedule. It runs over all orgs. */
  cron?: string;
  /** The time zone of `cron` (IANA); UTC if absent. */
  timeZone?: string;
  run: (needs: N, payload: P) => Promise<void>;
}

/**
 * Declares a job that commands put into the queue with `tx.enqueue`. It runs as one transaction, as a command does, and
 * takes effect once: what it writes, and the commands of other services that it calls. What it does outside of the
 * database may happen again, if the process or PostgreSQL ends in that moment.
 */
export function job<N, P>(name: string, run: (needs: N, payload: P) => Promise<void>): JobDeclaration<N, P> {
  return { name, run };
}

/**
 * Declares a job on a schedule: a cron expression of five fields, in UTC or in `timeZone` (IANA, such as `Europe/Berlin`). Where clocks
 * change, a schedule for certain times misses none and runs none twice, as with Vixie cron: a skipped time runs when the clock
 * has jumped, and of a time that comes twice the first counts. Throws if there is no such time zone. Each of its `db.write` is a transaction of its
 * own, so it may find part of its work done.
 */
export function cron<N>(name: string, expression: string, run: (needs: N) => Promise<void>, { timeZone }: { timeZone?: string } = {}): JobDeclaration<N, unknown> {
  if (timeZone !== undefined) checkTimeZone(timeZone);
  return { name, cron: expression, timeZone, run };
}
