import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger as WorkerLogger, parseCronItems, run, type CronItem, type Runner, type TaskList, type WorkerEvents } from 'graphile-worker';
import pg from 'pg';
import { connectionConfig, type AdminUrl } from '../data/connection.ts';
import type { Database } from '../data/database.ts';
import { surviveLoss } from '../data/pool.ts';
import { deliverEvent, type CloudEvent } from '../events/deliver-event.ts';
import { MAX_ATTEMPTS, type JobEnvelope } from '../events/effects.ts';
import { pruneMailboxes } from '../events/prune-mailboxes.ts';
import { subscribe } from '../events/subscribe.ts';
import { Postponed, waitYourTurn } from '../events/wait-your-turn.ts';
import { runInCall } from '../guard/call.ts';
import type { Module, Subscription } from '../module/define-module.ts';
import type { JobDeclaration } from '../module/job.ts';
import type { DeadLetter } from '../module/operations.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricFamily } from '../telemetry/metrics.ts';
import { TaskTelemetry } from '../telemetry/follow-task.ts';
import { queueMetrics } from '../telemetry/queue-metrics.ts';
import { discardDeadLetter, listDeadLetters, retryDeadLetter } from './dead-letters.ts';
import { reviveJobs, showAlive } from './revive-jobs.ts';

/** A module whose jobs and event handlers this process runs, with what they need. */
export interface Worked {
  module: Module;
  context: unknown;
  database: Database<any>;
}

export interface JobsOptions {
  adminUrl: AdminUrl;
  database: string;
  modules: readonly Worked[];
  log: Logger;
  /** A collector hands the records of commands to the audit. */
  audited?: boolean;
  /** Jobs that run at the same time. */
  concurrency?: number;
  /** What counts and follows the jobs. */
  tasks?: TaskTelemetry;
}

export interface RunningJobs {
  deadLetters: {
    list(limit?: number): Promise<DeadLetter[]>;
    retry(id: string): Promise<boolean>;
    discard(id: string): Promise<boolean>;
  };
  /** How full the queue is. */
  metrics(): Promise<MetricFamily[]>;
  /** The connections that take and finish jobs. */
  pool: pg.Pool;
  /** Takes no more jobs and waits for those that run; after a few seconds their calls are aborted. */
  stop(): Promise<void>;
}

const POLL_MILLISECONDS = 500;
const STOP_MILLISECONDS = 8000;
const REVIVE_MILLISECONDS = 5000;

/** Runs the jobs, schedules and event handlers of modules, from the queue in the deployment's database. */
export async function startJobs(options: JobsOptions): Promise<RunningJobs> {
  const { adminUrl, database, modules, log, audited = false, concurrency = 6, tasks = new TaskTelemetry() } = options;
  // Handlers use their modules' own connections; these only take and finish jobs, and listen.
  const pool = surviveLoss(new pg.Pool({ ...connectionConfig(adminUrl, { database }), max: concurrency + 2, idleTimeoutMillis: 10_000, allowExitOnIdle: true }));
  await subscribe(pool, modules.map(({ module }) => module));
  const events: WorkerEvents = new EventEmitter();
  const reviving = keepReviving(pool, events, log);
  const runner = await run({
    pgPool: pool,
    events,
    taskList: { ...tasksOf(modules, pool, tasks), 'kernel/prune-mailboxes': () => pruneMailboxes(pool, audited) },
    parsedCronItems: parseCronItems([...modules.flatMap(({ module }) => schedulesOf(module)), schedule('kernel/prune-mailboxes', '17 3 * * *')]),
    noHandleSignals: true,
    logger: workerLogger(log),
    // One fetch serves every worker, so an idle process asks twice a second, however many jobs it could run.
    preset: { worker: { concurrentJobs: concurrency, pollInterval: POLL_MILLISECONDS, localQueue: { size: concurrency }, gracefulShutdownAbortTimeout: STOP_MILLISECONDS / 2 } },
  });
  runner.promise.catch((error: unknown) => log.fatal({ err: error }, 'the queue stopped: jobs and events wait until the process is started again'));
  return {
    deadLetters: { list: (limit) => listDeadLetters(pool, limit), retry: (id) => retryDeadLetter(pool, id), discard: (id) => discardDeadLetter(pool, id) },
    metrics: () => queueMetrics(pool),
    pool,
    stop: async () => {
      reviving.stop();
      await stopRunner(runner);
      await pool.end();
    },
  };
}

function tasksOf(modules: readonly Worked[], pool: pg.Pool, telemetry: TaskTelemetry): TaskList {
  const jobs = modules.flatMap((worked) => (worked.module.jobs ?? []).map((job) => [`${worked.module.name}/${job.name}`, jobTask(worked, job, telemetry)] as const));
  const handlers = modules.flatMap((worked) => (worked.module.events ?? []).map((subscription) =>
    [`${worked.module.name}/on:${subscription.name}`, eventTask(worked, subscription, pool, telemetry)] as const));
  return Object.fromEntries([...jobs, ...handlers]);
}

function jobTask({ module, context }: Worked, job: JobDeclaration<any, any>, telemetry: TaskTelemetry): TaskList[string] {
  return (data, helpers) => {
    const { payload, orgId, ...origin } = data as Partial<JobEnvelope>;
    const call = { principal: { kind: 'module' as const, module: module.name, orgId }, acrossOrgs: job.cron !== undefined && orgId === undefined, signal: helpers.abortSignal };
    return telemetry.follow({ module: module.name, name: job.name, kind: 'job' }, origin, (place) => runInCall({ ...call, ...place }, async () => job.run(context, payload)));
  };
}

function eventTask({ module, context, database }: Worked, subscription: Subscription<any>, pool: pg.Pool, telemetry: TaskTelemetry): TaskList[string] {
  return async (data, helpers) => {
    const event = data as CloudEvent;
    await waitYourTurn(pool, helpers.job, event);
    const origin = { traceId: event.traceid, traceparent: event.traceparent ?? undefined, tracestate: event.tracestate ?? undefined };
    await telemetry.follow({ module: module.name, name: `on:${subscription.name}`, kind: 'event' }, origin, (place) => deliverEvent({ module: module.name, database, context }, subscription, event, place));
  };
}

const schedulesOf = ({ name, jobs = [] }: Module): CronItem[] =>
  jobs.flatMap((job) => (job.cron ? [schedule(`${name}/${job.name}`, job.cron)] : []));

// Its own queue and key keep a schedule from overtaking itself and from piling up while it fails.
const schedule = (task: string, match: string): CronItem =>
  ({ task, match, identifier: task, options: { queueName: task, jobKey: task, maxAttempts: MAX_ATTEMPTS } });

function keepReviving(pool: pg.Pool, events: WorkerEvents, log: Logger): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  events.on('pool:listen:success', ({ workerPool, client }) => {
    const revive = () => reviveJobs(pool, workerPool.id).catch((error: unknown) => log.warn({ err: error }, 'jobs of dead processes could not be taken over'));
    clearInterval(timer);
    timer = setInterval(() => void revive(), REVIVE_MILLISECONDS).unref();
    // The worker is about to use the connection to listen.
    client.once('drain', () => void showAlive(client, workerPool.id).then(revive, () => {}));
  });
  return { stop: () => clearInterval(timer) };
}

async function stopRunner(runner: Runner): Promise<void> {
  const stopped = runner.stop().catch(() => {});
  const late = await Promise.race([stopped.then(() => false), sleep(STOP_MILLISECONDS, true, { ref: false })]);
  if (late) await runner.kill();
}

const workerLogger = (log: Logger): WorkerLogger => new WorkerLogger(() => (level, message, meta) => {
  if (meta?.error instanceof Postponed || level === 'debug' || meta?.success) return;
  const job = meta?.job as { task_identifier?: string; attempts: number; max_attempts: number } | undefined;
  const details = { job: job?.task_identifier, attempt: job?.attempts, err: meta?.error };
  if (meta?.failure && job && job.attempts < job.max_attempts) log.warn(details, 'a job failed and will be tried again');
  else if (meta?.failure) log.error(details, 'a job failed for good and is a dead letter');
  else log[level === 'warning' ? 'warn' : level === 'info' ? 'debug' : level](details, message);
});
