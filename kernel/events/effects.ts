import { create, toJson, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { sql, type Kysely } from 'kysely';
import type { Effects, EnqueueOptions } from '../data/database.ts';
import { schemaOf } from '../data/names.ts';
import { currentCallIfAny } from '../guard/call.ts';
import type { JobDeclaration } from '../module/define-module.ts';

/** Tries before a job is a dead letter, unless its `enqueue` says otherwise. */
export const MAX_ATTEMPTS = 12;

/** A job's payload in the queue: what the handler gets, and whose work it is. */
export interface JobEnvelope {
  payload?: unknown;
  orgId?: string;
  traceId: string;
}

/** What a transaction of a module can cause besides its rows. */
export function effectsOf(module: string, transaction: Kysely<any>): Effects {
  const outbox = sql.table(`${schemaOf(module)}_outbox`);
  return {
    async emit<M extends DescMessage>(schema: M, init: MessageInitShape<M>, { aggregate }: { aggregate: string }) {
      const { orgId, traceId } = origin();
      const data = JSON.stringify(toJson(schema, create(schema, init)));
      const event = { specversion: '1.0', source: `/${module}`, type: schema.typeName, subject: aggregate, datacontenttype: 'application/json' };
      // One statement, so that an event costs one round trip.
      await sql`
        with announced as (
          insert into ${outbox} (type, subject, org, data, trace_id)
            values (${schema.typeName}, ${aggregate}, ${orgId ?? null}, ${data}::jsonb, ${traceId}) returning *
        )
        select mainstay.deliver((${JSON.stringify(event)}::jsonb || jsonb_build_object(
            'id', id, 'time', time, 'data', data, 'orgid', org, 'traceid', trace_id))::json, ${MAX_ATTEMPTS}) from announced`.execute(transaction);
    },
    async enqueue<P>({ name }: JobDeclaration<never, P>, payload: P, { runAt, key, maxAttempts = MAX_ATTEMPTS }: EnqueueOptions = {}) {
      const envelope: JobEnvelope = { payload, ...origin() };
      await sql`select mainstay.enqueue(${name}, ${JSON.stringify(envelope)}::json, ${runAt ?? null}, ${maxAttempts}, ${key ?? null})`.execute(transaction);
    },
    async enqueueAll<P>({ name }: JobDeclaration<never, P>, jobs: readonly ({ payload: P } & EnqueueOptions)[]) {
      const from = origin();
      const rows = jobs.map(({ payload, runAt, key, maxAttempts = MAX_ATTEMPTS }) => ({ envelope: { payload, ...from } satisfies JobEnvelope, run_at: runAt, key, max_attempts: maxAttempts }));
      await sql`
        select mainstay.enqueue(${name}, envelope, run_at, max_attempts, key)
          from json_to_recordset(${JSON.stringify(rows)}::json) as jobs (envelope json, run_at timestamptz, key text, max_attempts int)`.execute(transaction);
    },
    async cancel({ name }: JobDeclaration<never, never>, key: string) {
      await sql`select mainstay.cancel(${name}, ${key})`.execute(transaction);
    },
  };
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

