import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { caller, currentTime } from '@mainstay/kernel';
import { sql } from 'kysely';
import { Temporal } from 'temporal-polyfill';
import { GetStatisticsRequest_Period as Period, type GetStatisticsRequest } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { isTimeZone, localTime } from '../dates/zoned-time.ts';
import type { Needs } from '../needs.ts';
import { checkTime, Violations } from './check-promise.ts';

const mostSteps = 1000;
const usualDays = 30;

interface Step {
  step: number;
  kept: number;
  broken: number;
  pending: number;
  in_time: number;
}

export async function getStatistics({ db }: Needs, request: GetStatisticsRequest) {
  const { accountId } = caller();
  const { from, until, timeZone } = spanOf(request);
  const starts = stepsOf(from, until, request.period, timeZone);
  const found = await db.read((q) => countSteps(q, accountId, from, until, starts));
  const steps = new Map(found.map((row) => [row.step, row]));
  const periods = starts.map((start, index) => countOf(start, steps.get(index + 1)));
  const sum = (pick: (count: (typeof periods)[number]) => number) => periods.reduce((total, count) => total + pick(count), 0);
  const total = { startTime: timestampFromDate(from), kept: sum((c) => c.kept), broken: sum((c) => c.broken), pending: sum((c) => c.pending), keptInTime: sum((c) => c.keptInTime), late: sum((c) => c.late) };
  return { total, periods };
}

function spanOf(request: GetStatisticsRequest) {
  const timeZone = request.timeZone || 'UTC';
  if (!isTimeZone(timeZone)) throw errors.INVALID_TIME_ZONE({ timeZone });
  const violations = new Violations();
  const until = checkTime('until', request.until, violations) ?? currentTime();
  const from = checkTime('from', request.from, violations) ?? new Date(localTime(until, timeZone).subtract({ days: usualDays }).epochMilliseconds);
  violations.throwIfAny();
  if (from >= until) throw errors.INVALID_PERIOD({ because: '"from" must be before "until"' });
  return { from, until, timeZone };
}

/** When each step begins: the first one where the day, week or month of `from` does. */
function stepsOf(from: Date, until: Date, period: Period, timeZone: string): Date[] {
  if (period === Period.PERIOD_UNSPECIFIED) return [from];
  const length = { [Period.DAY]: { days: 1 }, [Period.WEEK]: { weeks: 1 }, [Period.MONTH]: { months: 1 } }[period];
  const starts: Date[] = [];
  for (let day = firstDay(localTime(from, timeZone).toPlainDate(), period); ; day = day.add(length)) {
    const start = new Date(day.toZonedDateTime(timeZone).epochMilliseconds);
    if (start >= until) return starts;
    if (starts.length === mostSteps) throw errors.INVALID_PERIOD({ because: `it has more than ${mostSteps} steps: ask for less time or longer steps` });
    starts.push(start);
  }
}

function firstDay(day: Temporal.PlainDate, period: Period): Temporal.PlainDate {
  if (period === Period.MONTH) return day.with({ day: 1 });
  return period === Period.WEEK ? day.subtract({ days: day.dayOfWeek - 1 }) : day;
}

async function countSteps(q: Parameters<Parameters<Needs['db']['read']>[0]>[0], owner: string, from: Date, until: Date, starts: Date[]): Promise<Step[]> {
  const when = sql<Date>`coalesce(settled_at, made_at)`;
  const { rows } = await sql<Step>`
    select width_bucket(${when}, ${starts}::timestamptz[]) as step,
      count(*) filter (where state = 'FULFILLED')::int as kept,
      count(*) filter (where state = 'FAILED')::int as broken,
      count(*) filter (where state = 'PENDING')::int as pending,
      count(*) filter (where state = 'FULFILLED' and (due_time is null or settled_at <= due_time))::int as in_time
    from mod_promist_promises
    where owner_id = ${owner} and delete_time is null and ${when} >= ${from} and ${when} < ${until}
    group by 1`.execute(q);
  return rows;
}

const countOf = (start: Date, { kept, broken, pending, in_time }: Partial<Step> = {}) => ({
  startTime: timestampFromDate(start),
  kept: kept ?? 0,
  broken: broken ?? 0,
  pending: pending ?? 0,
  keptInTime: in_time ?? 0,
  late: (kept ?? 0) - (in_time ?? 0),
});
