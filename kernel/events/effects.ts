import { randomUUID } from 'node:crypto';
import { create, toJson, type DescMessage, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf';
import { CompiledQuery, type Compilable } from 'kysely';
import type { Effects, EnqueueOptions } from '../data/database.ts';
import { transactionOver } from '../data/database-errors.ts';
import { schemaOf } from '../data/names.ts';
import { currentCallIfAny } from '../guard/call.ts';
import type { Module } from '../module/define-module.ts';
import { cloudEventSql } from './cloud-event.ts';
import type { JobDeclaration } from '../module/job.ts';
import { insertSaga } from '../sagas/saga-row.ts';
import { sagaJob, type SagaDeclaration } from '../sagas/saga.ts';
import { traceparentOf } from '../telemetry/trace-context.ts';

/** Tries before a job is a dead letter, unless its `enqueue` says otherwise. */
export const MAX_ATTEMPTS = 12;

/** A job's payload in the queue: what the handler gets, and whose work it is. */
export interface JobEnvelope {
  /** Its own for each time that a job is queued; absent in what earlier versions queued. */
  id?: string;
  payload?: unknown;
  orgId?: string;
  traceId: string;
  /** W3C trace context of what queued it. */
  traceparent?: string;
  tracestate?: string;
}

interface QueuedJob {
  job: string;
  payload: JobEnvelope;
  run_at?: string;
  max_attempts: number;
  key?: string;
}

interface Announcement {
  type: string;
  subject: string;
  data: JsonValue;
  org?: string;
  trace_id: string;
  traceparent?: string;
  tracestate?: string;
}

/** What a module says that it announces and queues. */
export interface Declared extends Pick<Module, 'emits' | 'jobs' | 'sagas'> {
  /** Whether any module of the deployment handles an event; taken for true if absent. */
  isHandled?: (eventType: string) => boolean;
}

const BATCH = 1000;

/**
 * What a transaction of a module causes besides its rows. It is collected and sent together with the commit: a command
 * that causes thousands of things does not wait for each.
 */
export class CollectedEffects {
  readonly #module: string;
  readonly #declared: Declared | undefined;
  #last: CompiledQuery[] = [];
  #cancelled: CompiledQuery[] = [];
  #events: Announcement[] = [];
  // By key, since of two jobs with one key the later replaces the earlier.
  #jobs = new Map<unknown, QueuedJob>();
  #isOver = false;
  /** A statement of the module's own making could leave something behind on its connection. */
  mustBeAlone = false;
  /** There is something for the queue, which the workers are told of after the commit. */
  isQueued = false;
  /** The ids of what was changed, as far as it was told. */
  readonly changed = new Set<string>();

  constructor(module: string, declared?: Declared) {
    this.#module = module;
    this.#declared = declared;
  }

  readonly methods: Effects = {
    emit: async <M extends DescMessage>(schema: M, init: MessageInitShape<M>, { aggregate }: { aggregate: string }) => {
      if (this.#declared && !this.#declared.emits?.includes(schema)) throw new Error(`${this.#module} announces ${schema.typeName} without declaring it: add it to emits in module.ts`);
      this.#requireOpen();
      const { orgId, traceId, traceparent, tracestate } = origin();
      this.changed.add(aggregate);
      this.#events.push({ type: schema.typeName, subject: aggregate, data: toJson(schema, create(schema, init)), org: orgId, trace_id: traceId, traceparent, tracestate });
    },
    enqueue: async <P>({ name }: JobDeclaration<never, P>, payload: P, { runAt, key, maxAttempts = MAX_ATTEMPTS }: EnqueueOptions = {}) => {
      if (this.#declared && !isDeclared(this.#declared, name)) throw new Error(`${this.#module} queues ${name} without declaring it: add it to jobs in module.ts`);
      this.#requireOpen();
      // A copy, so that what the caller does with the payload afterwards changes nothing.
      const copy = payload === undefined ? undefined : JSON.parse(JSON.stringify(payload)) as unknown;
      const job: QueuedJob = { job: name, payload: { id: randomUUID(), payload: copy, ...origin() }, run_at: runAt?.toISOString(), max_attempts: maxAttempts, key };
      this.#jobs.set(key === undefined ? job : `${name}/${key}`, job);
    },
    start: async <I>(saga: SagaDeclaration<never, I>, input: I, { key }: { key?: string } = {}) => {
      const job = { name: sagaJob(saga.name), run: async () => {} };
      if (this.#declared && !isDeclared(this.#declared, job.name)) throw new Error(`${this.#module} starts ${saga.name} without declaring it: add it to sagas in module.ts`);
      const { id, insert } = insertSaga(this.#module, saga, input, { key, orgId: origin().orgId });
      await this.methods.enqueue(job, { saga: id, turn: 0, step: saga.steps[0]!.name });
      this.#last.push(insert);
      return id;
    },
    cancel: async ({ name }: JobDeclaration<never, never>, key: string) => {
      this.#requireOpen();
      this.#jobs.delete(`${name}/${key}`);
      this.#cancelled.push(CompiledQuery.raw('select mainstay.cancel($1, $2)', [name, key]));
    },
    changed: (...ids: string[]) => {
      for (const id of ids) this.changed.add(id);
    },
    atCommit: (query: Compilable) => {
      this.#requireOpen();
      const compiled = query.compile();
      this.mustBeAlone ||= compiled.query.kind === 'RawNode' || compiled.sql.includes('set_config');
      this.#last.push(compiled);
    },
  };

  /** Takes nothing more: it would be lost. */
  end(): void {
    this.#isOver = true;
  }

  /** Ends, and gives the statements that write everything that was collected, events in the order in which they were announced. */
  take(): CompiledQuery[] {
    this.end();
    this.isQueued = this.#jobs.size > 0 || this.#events.some(({ type }) => this.#declared?.isHandled?.(type) !== false);
    const statements = [...this.#last, ...this.#announcements(), ...this.#cancelled, ...batches([...this.#jobs.values()]).map(enqueue)];
    [this.#last, this.#cancelled, this.#events, this.#jobs] = [[], [], [], new Map()];
    return statements;
  }

  #requireOpen(): void {
    if (this.#isOver) throw transactionOver();
  }

  #announcements(): CompiledQuery[] {
    const [event] = this.#events;
    const isHandled = this.#declared?.isHandled;
    if (event && this.#events.length === 1 && isHandled?.(event.type) === false) return [this.#keep(event)];
    return batches(this.#events).map((batch) => this.#announce(batch));
  }

  /** An event that nobody handles is only kept. */
  #keep({ type, subject, org, data, trace_id }: Announcement): CompiledQuery {
    return CompiledQuery.raw(`insert into ${schemaOf(this.#module)}_outbox (type, subject, org, data, trace_id) values ($1, $2, $3, $4, $5)`, [type, subject, org ?? null, JSON.stringify(data), trace_id]);
  }

  #announce(events: Announcement[]): CompiledQuery {
    return CompiledQuery.raw(`
      with announced as (
        insert into ${schemaOf(this.#module)}_outbox (type, subject, org, data, trace_id)
          select e ->> 'type', e ->> 'subject', (e ->> 'org')::uuid, e -> 'data', e ->> 'trace_id'
            from jsonb_array_elements($1::jsonb) with ordinality as given (e, place) order by place
          returning *
      )
      select mainstay.deliver_events(json_agg(${cloudEventSql('$2::text', `'traceparent', $4::text, 'tracestate', $5::text`)}), $3) from announced`, [JSON.stringify(events), `/${this.#module}`, MAX_ATTEMPTS, events[0]?.traceparent ?? null, events[0]?.tracestate ?? null]);
  }
}

const isDeclared = ({ jobs = [], sagas = [] }: Declared, name: string): boolean => jobs.some((job) => job.name === name) || sagas.some((saga) => sagaJob(saga.name) === name);

const enqueue = (jobs: QueuedJob[]): CompiledQuery => CompiledQuery.raw('select mainstay.enqueue_jobs($1::json)', [JSON.stringify(jobs)]);

/** The org and the trace that work queued now belongs to. */
function origin(): Omit<JobEnvelope, 'id' | 'payload'> {
  const call = currentCallIfAny();
  const principal = call?.principal;
  return {
    orgId: principal && principal.kind !== 'anonymous' ? principal.orgId : undefined,
    traceId: call?.traceId ?? '0'.repeat(32),
    traceparent: call?.trace && traceparentOf(call.trace),
    tracestate: call?.trace?.state,
  };
}

const batches = <T>(items: T[]): T[][] => Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) => items.slice(index * BATCH, (index + 1) * BATCH));
