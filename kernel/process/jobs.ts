import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger as WorkerLogger, run, type Runner, type TaskList, type WorkerEvents, type WorkerPool } from 'graphile-worker';
import pg from 'pg';
import { connectionConfig, type AdminUrl } from '../data/connection.ts';
import type { ModuleDatabase } from '../data/create-database.ts';
import type { DiskRoom } from '../data/disk-room.ts';
import { surviveLoss } from '../data/pool.ts';
import { untilReachable } from '../data/until-reachable.ts';
import { isAway, type DeliverElsewhere } from '../events/deliver-elsewhere.ts';
import type { CloudEvent } from '../events/cloud-event.ts';
import { deliverEvent, type EnvelopeHandler } from '../events/deliver-event.ts';
import { lagMetrics } from '../events/handler-lag.ts';
import type { JobEnvelope } from '../events/effects.ts';
import { pruneMailboxes } from '../events/prune-mailboxes.ts';
import { subscribe } from '../events/subscribe.ts';
import { Postponed, putOff, waitYourTurn } from '../events/wait-your-turn.ts';
import { runInCall, type Call } from '../guard/call.ts';
import type { Module, Subscription } from '../module/define-module.ts';
import type { JobDeclaration } from '../module/job.ts';
import type { DeadLetter } from '../module/operations.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricFamily } from '../telemetry/metrics.ts';
import { TaskTelemetry } from '../telemetry/follow-task.ts';
import { queueMetrics } from '../telemetry/queue-metrics.ts';
import { runSaga } from '../sagas/run-saga.ts';
import { sagaJob, type SagaDeclaration, type SagaTurn } from '../sagas/saga.ts';
import { discardDeadLetter, endTries, listDeadLetters, retryDeadLetter } from './dead-letters.ts';
import { QueueBell } from './queue-bell.ts';
import { QueuePool } from './queue-pool.ts';
import { keepReviving } from './revive-jobs.ts';
import { OUTBOUND_HANDLER, type OutboundWebhooks } from '../webhooks/outbound-webhooks.ts';
import { runSchedules, scheduleOf, type Schedule } from './run-schedules.ts';
import { runQueuedJob } from './run-queued-job.ts';

/** A module whose jobs and event handlers this process runs, with what they need. */
export interface Worked {
  module: Module;
  context: unknown;
  database: ModuleDatabase<any>;
  /** In a shard: which orgs are here. */
  ownsOrg?: (orgId: string) => boolean;
  /** What tells other systems of events, if it is this module. */
  outbound?: OutboundWebhooks;
}

export interface JobsOptions {
  adminUrl: AdminUrl;
  database: string;
  modules: readonly Worked[];
  /** Modules for which events are queued, also while they can't run; those that run if absent. */
  subscribed?: readonly Module[];
  /** Modules whose handlers run on another database, and how events get there. */
  elsewhere?: { modules: readonly Module[]; deliver: DeliverElsewhere };
  log: Logger;
  /** Processes besides this one work on the same queue. */
  isShared?: boolean;
  /** A collector hands the records of commands to the audit. */
  audited?: boolean;
  /** How many days what was announced and handled is kept. */
  keepDays?: number;
  /** While there is none on the disk no job is taken. */
  room?: DiskRoom;
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
  /** Something was queued and is committed: workers look for it at once. */
  queued(): void;
  /** How full the queue is. */
  metrics(): Promise<MetricFamily[]>;
  /** The connections that take and finish jobs. */
  pool: pg.Pool;
  /** Takes no more jobs and waits for those that run; after a few seconds their calls are aborted. */
  stop(): Promise<void>;
}

const POLL_MILLISECONDS = 500;
const STOP_MILLISECONDS = 8000;
const SETTLE_MILLISECONDS = 1000;

/** Runs the jobs, schedules and event handlers of modules, from the queue in the deployment's database. */
export async function startJobs(options: JobsOptions): Promise<RunningJobs> {
  const { adminUrl, database, modules, subscribed = modules.map(({ module }) => module), log, isShared = false, audited = false, keepDays, room, concurrency = 6, tasks = new TaskTelemetry() } = options;
  // Handlers use their modules' own connections; these only take and finish jobs, and listen.
  const connection = connectionConfig(adminUrl, { database });
  const pool = new QueuePool({ ...connection, max: concurrency + 2, idleTimeoutMillis: 10_000, allowExitOnIdle: true });
  surviveLoss(pool);
  if (room) pool.isPaused = () => room.isFull;
  const events: WorkerEvents = new EventEmitter();
  // A pool of workers is itself a promise, of its end: what resolves with it would wait for that.
  const workers = new Promise<Pick<WorkerPool, 'id' | 'nudge'>>((resolve) => events.once('pool:create', ({ workerPool }) => resolve({ id: workerPool.id, nudge: (count) => workerPool.nudge(count) })));
  const failed = async (error: unknown): Promise<never> => {
    await pool.end();
    throw error;
  };
  const schedules = await subscribe(pool, subscribed).then(() => runSchedules(pool, schedulesOf(modules), log)).catch(failed);
  const runner = await run({
    pgPool: pool,
    events,
    taskList: { ...tasksOf(modules, pool, tasks), ...tasksElsewhere(options, pool, tasks), 'kernel/prune-mailboxes': () => pruneMailboxes(pool, audited, keepDays) },
    parsedCronItems: [],
    noHandleSignals: true,
    logger: workerLogger(log),
    // One fetch serves every worker, so an idle process asks twice a second, however many jobs it could run.
    // A fetch that leaves nothing over for later makes it wait for the next turn, whatever is still due: so it fetches more than it runs.
    preset: { worker: { concurrentJobs: concurrency, pollInterval: POLL_MILLISECONDS, localQueue: { size: 4 * concurrency }, gracefulShutdownAbortTimeout: STOP_MILLISECONDS / 2 } },
  }).catch(async (error: unknown) => {
    await schedules.stop();
    return failed(error);
  });
  runner.promise.catch((error: unknown) => log.fatal({ err: error }, 'the queue stopped: jobs and events wait until the process is started again'));
  const { id: workerId, nudge } = await workers;
  const reviving = await keepReviving({ connection, pool, workerId, log });
  const bell = new QueueBell({ pool, nudge: () => nudge(1), isShared });
  // What waits behind it was left out when jobs were fetched: without this the workers would rest until the next look at the queue.
  pool.queueFreed = () => nudge(1);
  return {
    deadLetters: { list: (limit) => listDeadLetters(pool, limit), retry: (id) => retryDeadLetter(pool, id), discard: (id) => discardDeadLetter(pool, id) },
    queued: () => bell.ring(),
    metrics: async () => (await Promise.all([queueMetrics(pool), lagMetrics(pool)])).flat(),
    pool,
    stop: async () => {
      await schedules.stop();
      await stopRunner(runner);
      await pool.settled(SETTLE_MILLISECONDS);
      await reviving.stop();
      await pool.end();
    },
  };
}

function tasksOf(modules: readonly Worked[], pool: QueuePool, telemetry: TaskTelemetry): TaskList {
  const jobs = modules.flatMap((worked) => (worked.module.jobs ?? []).map((job) => [`${worked.module.name}/${job.name}`, jobTask(worked, job, telemetry)] as const));
  const handlers = modules.flatMap((worked) => handlersOf(worked).map((subscription) =>
    [`${worked.module.name}/on:${subscription.name}`, eventTask(worked, subscription, pool, telemetry)] as const));
  const sagas = modules.flatMap((worked) => (worked.module.sagas ?? []).map((saga: SagaDeclaration<any>) => [`${worked.module.name}/${sagaJob(saga.name)}`, sagaTask(worked, saga, pool, telemetry)] as const));
  return Object.fromEntries([...jobs, ...handlers, ...sagas]);
}

/** What a module does about events: its own handlers, and that which tells other systems of any. */
export const handlersOf = ({ module, outbound }: Pick<Worked, 'module' | 'outbound'>): (Subscription<any> | EnvelopeHandler)[] => [...(module.events ?? []), ...(outbound ? [{ name: OUTBOUND_HANDLER, take: (event: CloudEvent) => outbound.take(event) }] : [])];
const handlerNames = ({ events = [], outboundWebhooks }: Module): string[] => [...events.map(({ name }) => name), ...(outboundWebhooks ? [OUTBOUND_HANDLER] : [])];

function tasksElsewhere({ elsewhere }: JobsOptions, pool: QueuePool, telemetry: TaskTelemetry): TaskList {
  if (!elsewhere) return {};
  const { modules, deliver } = elsewhere;
  return Object.fromEntries(modules.flatMap((away) => handlerNames(away).map((handler) => [away.name, handler] as const)).map(([module, handler]) => [`${module}/on:${handler}`, sendTask(module, handler, deliver, pool, telemetry)] as const));
}

/** Waits for a process that is away as for a database: it costs none of the event's tries. */
function sendTask(module: string, handler: string, deliver: DeliverElsewhere, pool: QueuePool, telemetry: TaskTelemetry): TaskList[string] {
  return async (data, { abortSignal, job }) => {
    const event = data as CloudEvent;
    await outlast(abortSignal, () => waitYourTurn(pool, job, event));
    const origin = { traceId: event.traceid, traceparent: event.traceparent ?? undefined, tracestate: event.tracestate ?? undefined };
    try {
      await telemetry.follow({ module, name: `send:${handler}`, kind: 'event' }, origin, () => deliver(module, handler, event));
    } catch (error) {
      if (!isAway(error)) throw error;
      await putOff(pool, job);
    }
  };
}

function jobTask({ module, context, database, ownsOrg }: Worked, job: JobDeclaration<any, any>, telemetry: TaskTelemetry): TaskList[string] {
  return (data, { abortSignal, job: { attempts } }) => {
    const { id, payload, orgId, ...origin } = data as Partial<JobEnvelope>;
    const queued = job.cron === undefined;
    const about = { principal: { kind: 'module' as const, module: module.name, orgId }, acrossOrgs: !queued && orgId === undefined, signal: abortSignal, ...(ownsOrg && { ownsOrg }), ...(queued && { idempotencyKey: id }) };
    return telemetry.follow({ module: module.name, name: job.name, kind: 'job' }, origin, (place) => outlast(abortSignal, (triesBefore) => {
      const call: Call = { ...about, ...place };
      const work = async () => job.run(context, payload);
      return queued ? runQueuedJob({ database, call, name: job.name, id, mayHaveRun: attempts > 1 || triesBefore > 0 }, work) : runInCall(call, work);
    }));
  };
}

function sagaTask({ module, context, database, ownsOrg }: Worked, saga: SagaDeclaration<any>, pool: QueuePool, telemetry: TaskTelemetry): TaskList[string] {
  return (data, { abortSignal, job: { id, attempts } }) => {
    const { payload, orgId, ...origin } = data as JobEnvelope;
    return telemetry.follow({ module: module.name, name: sagaJob(saga.name), kind: 'job' }, origin, (place) => outlast(abortSignal, (triesBefore) => {
      const call: Call = { principal: { kind: 'module', module: module.name, orgId }, signal: abortSignal, ...(ownsOrg && { ownsOrg }), ...place };
      return runSaga({ database, context, saga, call, given: payload as SagaTurn, wasTried: attempts > 1 || triesBefore > 0, endTries: () => endTries(pool, id) });
    }));
  };
}

function eventTask({ module, context, database, ownsOrg }: Worked, subscription: Subscription<any> | EnvelopeHandler, pool: QueuePool, telemetry: TaskTelemetry): TaskList[string] {
  return async (data, { abortSignal, job }) => {
    const event = data as CloudEvent;
    await outlast(abortSignal, () => waitYourTurn(pool, job, event));
    const origin = { traceId: event.traceid, traceparent: event.traceparent ?? undefined, tracestate: event.tracestate ?? undefined };
    await telemetry.follow({ module: module.name, name: `on:${subscription.name}`, kind: 'event' }, origin, (place) => outlast(abortSignal, () => deliverEvent({ module: module.name, database, context, ...(ownsOrg && { ownsOrg }) }, subscription, event, place)));
  };
}

/** That the database is away is not the fault of a job: it costs none of its tries, and it goes on within a second. */
const outlast = <T>(signal: AbortSignal | undefined, work: (triesBefore: number) => Promise<T>): Promise<T> => untilReachable(work, () => !signal?.aborted);

const schedulesOf = (modules: readonly Worked[]): Schedule[] => [
  ...modules.flatMap(({ module: { name, jobs = [] } }) => jobs.flatMap((job) => (job.cron ? [scheduleOf(`${name}/${job.name}`, job.cron, job.timeZone)] : []))),
  scheduleOf('kernel/prune-mailboxes', '17 3 * * *'),
];

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
