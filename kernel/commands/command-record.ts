import type { DescMethod } from '@bufbuild/protobuf';
import { CompiledQuery, type Compilable } from 'kysely';
import { newId } from '../data/new-id.ts';
import { prepared } from '../data/prepared.ts';
import type { Call } from '../guard/call.ts';
import type { Principal } from '../guard/principal.ts';
import { commandsTable } from './commands-table.ts';
import { answeredSubjects, namedSubjects } from './named-subjects.ts';

/** What was kept of the first command with a key. */
export interface Kept {
  request_hash: Buffer;
  answer: Buffer;
}

/** How a command ended that did what it was told. */
export const DONE = 'OK';

/** What is kept of a command, in the order of the columns of its table. */
export type RecordValues = [
  id: string, method: string, outcome: string, org: string | null, principalKind: string, principalId: string | null, actor: string | null, session: string | null,
  callerModule: string | null, clientAddress: string | null, traceId: string, subjects: string,
];

const columns = 'id, method, outcome, org, principal_kind, principal_id, actor, session, caller_module, client_address, trace_id, subjects';
const places = '$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12';

/** The facts of a command for the audit: who did what to what, from where. */
export function recordOf(call: Call, method: DescMethod, request: object, outcome = DONE, answer?: object): RecordValues {
  const { principal, callerModule, clientAddress, traceId, subjects } = call;
  const account = principal.kind === 'account' ? principal : undefined;
  return [
    newId(), nameOf(method), outcome, (principal.kind !== 'anonymous' && principal.orgId) || null, principal.kind, principalId(principal), account?.actorAccountId ?? null, account?.sessionId ?? null,
    callerModule ?? null, clientAddress ?? null, traceId, JSON.stringify({ ...subjects, ...subjectsOf(method, request, answer) }),
  ];
}

/** What a command was about, and what came of it: ids, names and choices by field. */
const subjectsOf = (method: DescMethod, request: object, answer?: object): Record<string, string> =>
  answer ? { ...answeredSubjects(method.output, answer), ...namedSubjects(method, request) } : namedSubjects(method, request);

export const nameOf = (method: DescMethod): string => `${method.parent.typeName}/${method.name}`;

/** The statements about the records of a module's commands. */
export function recordStatements(module: string) {
  const table = commandsTable(module);
  const insert = `insert into ${table} (${columns}) values (${places})`;
  const insertWithKey = `insert into ${table} (${columns}, idempotency, request_hash, answer) values (${places}, $13, $14, $15)`;
  return {
    /** Keeps the record of a command. */
    insert: (values: RecordValues) => CompiledQuery.raw(insert, values),
    /** Keeps the record of a command with its key and answer; fails if another has taken the key, after waiting for that to end. */
    insertWithKey: (values: RecordValues, idempotency: Buffer, requestHash: Buffer, answer: Uint8Array) => CompiledQuery.raw(insertWithKey, [...values, idempotency, requestHash, answer]),
    /** Reads what was answered under a key. */
    kept: prepared<any>()((q, p: { name: Buffer }) => q.selectFrom(table).select(['request_hash', 'answer']).where('idempotency', '=', p.name) as unknown as Compilable<Kept>),
    /** Keeps records of commands of any orgs, unless they are there: it may not be known whether they were kept before. `rows` hold `RecordValues` and their time. */
    insertMany: (rows: readonly (readonly [...RecordValues, time: string])[]) => CompiledQuery.raw(`
      insert into ${table} (${columns}, time)
        select (r ->> 0)::uuid, r ->> 1, r ->> 2, (r ->> 3)::uuid, r ->> 4, r ->> 5, r ->> 6, r ->> 7, r ->> 8, r ->> 9, r ->> 10, (r ->> 11)::jsonb, (r ->> 12)::timestamptz
          from json_array_elements($1::json) as given (r)
        on conflict do nothing`, [JSON.stringify(rows)]),
  };
}

function principalId(principal: Principal): string | null {
  if (principal.kind === 'account') return principal.accountId;
  return principal.kind === 'module' ? principal.module : null;
}
