import { setTimeout as sleep } from 'node:timers/promises';
import { parseCronItems, type ParsedCronItem } from 'graphile-worker';
import { currentTime, setCurrentTime } from '../data/current-time.ts';
import { MAX_ATTEMPTS } from '../events/effects.ts';
import { isDue } from '../module/time-zone-schedule.ts';
import type { Logger } from '../telemetry/log.ts';
import type { QueuePool } from './queue-pool.ts';

const MINUTE = 60_000;
const LOOK_MILLISECONDS = 5000;
/** After the database was away, or its clock jumped, at most so many minutes are made up for. */
const MOST_MINUTES = 24 * 60;

/** A job with the minutes in which it is due. */
export interface Schedule {
  item: ParsedCronItem;
  isDue: (minute: Date) => boolean;
}

/** The schedule of a task by a cron expression, in a time zone. Its own queue and key keep it from overtaking itself and from piling up while it fails. */
export function scheduleOf(task: string, expression: string, timeZone = 'UTC'): Schedule {
  const [item] = parseCronItems([{ task, match: expression, identifier: task, options: { queueName: task, jobKey: task, maxAttempts: MAX_ATTEMPTS } }]) as [ParsedCronItem];
  if (timeZone === 'UTC') return { item, isDue: (minute) => item.match(digest(minute)) };
  const isFrequent = expression.trim().split(/\s+/).slice(0, 2).some((field) => field.startsWith('*'));
  return { item, isDue: (minute) => isDue((fields) => item.match(fields), isFrequent, timeZone, minute.getTime()) };
}

/**
 * Queues the jobs of schedules as their minutes come, by the clock of the database, and of several processes only one
 * does. graphile-worker itself goes by the clock of the process: where that jumps back by a day, nothing would run for
 * that day. Each look also sets the time of this process.
 */
export async function runSchedules(pool: QueuePool, schedules: readonly Schedule[], log: Logger): Promise<{ stop(): Promise<void> }> {
  await pool.query(`insert into graphile_worker._private_known_crontabs (identifier, known_since) select identifier, now() from unnest($1::text[]) as known (identifier) on conflict do nothing`, [schedules.map(({ item }) => item.identifier)]);
  const end = new AbortController();
  let last = await currentMinute(pool);
  const running = (async () => {
    for (;;) {
      await sleep(Math.min(LOOK_MILLISECONDS, MINUTE - (currentTime().getTime() % MINUTE) + 1), undefined, { signal: end.signal, ref: false }).catch(() => {});
      if (end.signal.aborted) return;
      try {
        if (pool.isPaused()) continue;
        const minute = await currentMinute(pool);
        await queueDue(pool, schedules, minutesAfter(last, minute));
        last = minute;
      } catch (error) {
        log.debug({ err: error }, 'schedules could not be looked at and are looked at again');
      }
    }
  })();
  return { stop: () => { end.abort(); return running; } };
}

async function currentMinute(pool: QueuePool): Promise<number> {
  const asked = performance.now();
  const { rows } = await pool.query<{ time: Date }>({ name: 'time', text: 'select clock_timestamp() as time' });
  setCurrentTime(rows[0]!.time, asked);
  return Math.floor(rows[0]!.time.getTime() / MINUTE);
}

function minutesAfter(last: number, minute: number): Date[] {
  const first = Math.max(last + 1, minute - MOST_MINUTES + 1);
  return Array.from({ length: Math.max(0, minute - first + 1) }, (_, index) => new Date((first + index) * MINUTE));
}

/** Queues what is due in one of these minutes, unless another process did. */
export async function queueDue(pool: Pick<QueuePool, 'query'>, schedules: readonly Schedule[], minutes: readonly Date[]): Promise<void> {
  for (const { item, isDue: due } of schedules) {
    // A schedule does not pile up: what was missed runs once.
    const last = minutes.findLast(due);
    if (last) await pool.query({ name: 'queue_scheduled', text: SQL, values: [item.identifier, last, item.task, item.options.queueName, item.options.maxAttempts, item.options.jobKey] });
  }
}

const digest = (minute: Date) => ({ min: minute.getUTCMinutes(), hour: minute.getUTCHours(), date: minute.getUTCDate(), month: minute.getUTCMonth() + 1, dow: minute.getUTCDay() });

// A time ahead of the clock was noted before that was set back.
const SQL = `
  with claimed as (
    insert into graphile_worker._private_known_crontabs as known (identifier, known_since, last_execution) values ($1, $2, $2)
      on conflict (identifier) do update set last_execution = excluded.last_execution
        where known.last_execution is null or known.last_execution < excluded.last_execution or known.last_execution > now() + interval '1 minute'
      returning identifier
  )
  select graphile_worker.add_job(identifier => $3::text, payload => '{}'::json, queue_name => $4::text, run_at => $2::timestamptz, max_attempts => $5::int, job_key => $6::text) from claimed`;
