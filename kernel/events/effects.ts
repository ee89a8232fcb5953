import { create, toJson, type DescMessage, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf';
import { sql, type Kysely } from 'kysely';
import type { Effects, EnqueueOptions } from '../data/database.ts';
import { schemaOf } from '../data/names.ts';
import { currentCallIfAny } from '../guard/call.ts';
import type { Module } from '../module/define-module.ts';
import type { JobDeclaration } from '../module/job.ts';

/** Tries before a job is a dead letter, unless its `enqueue` says otherwise. */
export const MAX_ATTEMPTS = 12;

/** A job's payload in the queue: what the handler gets, and whose work it is. */
export interface JobEnvelope {
  payload?: unknown;
  orgId?: string;
  traceId: string;
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
}

/** What a module says that it announces and queues. */
export type Declared = Pick<Module, 'emits' | 'jobs'>;

const BATCH = 1000;

/**
 * What a transaction of a module causes besides its rows. It is collected and written in one go before the commit:
 * a command that causes thousands of things does not wait for each.
 */
export class CollectedEffects {
  readonly #module: string;
  readonly #transaction: Kysely<any>;
  readonly #declared: Declared | undefined;
  #events: Announcement[] = [];
  // By key, since of two jobs with one key the later replaces the earlier.
  #jobs = new Map<unknown, QueuedJob>();

  constructor(module: string, transaction: Kysely<any>, declared?: Declared) {
    this.#module = module;
    this.#transaction = transaction;
    this.#declared = declared;
  }

  readonly methods: Effects = {
    emit: async <M extends DescMessage>(schema: M, init: MessageInitShape<M>, { aggregate }: { aggregate: string }) => {
      if (this.#declared && !this.#declared.emits?.includes(schema)) throw new Error(`${this.#module} announces ${schema.typeName} without declaring it: add it to emits in module.ts`);
      const { orgId, traceId } = origin();
      this.#events.push({ type: schema.typeName, subject: aggregate, data: toJson(schema, create(schema, init)), org: orgId, trace_id: traceId });
    },
    enqueue: async <P>({ name }: JobDeclaration<never, P>, payload: P, { runAt, key, maxAttempts = MAX_ATTEMPTS }: EnqueueOptions = {}) => {
      if (this.#declared && !this.#declared.jobs?.some((job) => job.name === name)) throw new Error(`${this.#module} queues ${name} without declaring it: add it to jobs in module.ts`);
      // A copy, so that what the caller does with the payload afterwards changes nothing.
      const copy = payload === undefined ? undefined : JSON.parse(JSON.stringify(payload)) as unknown;
      const job: QueuedJob = { job: name, payload: { payload: copy, ...origin() }, run_at: runAt?.toISOString(), max_attempts: maxAttempts, key };
      this.#jobs.set(key === undefined ? job : `${name}/${key}`, job);
    },
    cancel: async ({ name }: JobDeclaration<never, never>, key: string) => {
      this.#jobs.delete(`${name}/${key}`);
      await sql`select mainstay.cancel(${name}, ${key})`.execute(this.#transaction);
    },
  };

  /** Writes everything that was collected, in the order in which it was announced. */
  async flush(): Promise<void> {
    const [events, jobs] = [this.#events, [...this.#jobs.values()]];
    [this.#events, this.#jobs] = [[], new Map()];
    const written = [...batches(events).map((batch) => this.#announce(batch)), ...batches(jobs).map((batch) => this.#enqueue(batch))];
    await Promise.all(written);
  }

  async #enqueue(jobs: QueuedJob[]): Promise<void> {
    await sql`select mainstay.enqueue_jobs(${JSON.stringify(jobs)}::json)`.execute(this.#transaction);
  }

  async #announce(events: Announcement[]): Promise<void> {
    await sql`
      with announced as (
        insert into ${sql.table(`${schemaOf(this.#module)}_outbox`)} (type, subject, org, data, trace_id)
          select e ->> 'type', e ->> 'subject', (e ->> 'org')::uuid, e -> 'data', e ->> 'trace_id'
            from jsonb_array_elements(${JSON.stringify(events)}::jsonb) with ordinality as given (e, place) order by place
          returning *
      )
      select mainstay.deliver_events(json_agg(json_build_object(
          'specversion', '1.0', 'id', id, 'source', ${`/${this.#module}`}::text, 'type', type, 'subject', subject, 'time', time,
          'datacontenttype', 'application/json', 'data', data, 'orgid', org, 'traceid', trace_id)), ${MAX_ATTEMPTS}) from announced`.execute(this.#transaction);
  }
}

/** The org and the trace that work queued now belongs to. */
function origin(): Pick<JobEnvelope, 'orgId' | 'traceId'> {
  const call = currentCallIfAny();
  const principal = call?.principal;
  return {
    orgId: principal && principal.kind !== 'anonymous' ? principal.orgId : undefined,
    traceId: call?.traceId ?? '0'.repeat(32),
  };
}

const batches = <T>(items: T[]): T[][] => Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) => items.slice(index * BATCH, (index + 1) * BATCH));
