import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { createContextKey, type ContextKey } from '@connectrpc/connect';
import type { Gathering } from '../shards/gathering.ts';
import type { SeenCall } from '../telemetry/seen-call.ts';
import type { Span } from '../telemetry/span.ts';
import type { TraceContext } from '../telemetry/trace-context.ts';
import type { RequestTarget } from './guard.ts';
import type { Principal } from './principal.ts';

/** What the kernel knows about the call, job or event that is being handled. */
export interface Call {
  principal: Principal;
  /** The module that made the call; absent when it comes from outside. */
  callerModule?: string;
  /** Granted by the guard: the database shows the rows of every org. */
  acrossOrgs?: boolean;
  /** 32 hexadecimal digits, W3C trace context; in every log line and internal error. */
  traceId: string;
  /** The place of this work in its trace, for what it causes. */
  trace?: TraceContext;
  /** Where spans are collected: this work's own. */
  span?: Span;
  /** The caller's `x-request-id`, or the one it was given; absent for a module's own work. */
  requestId?: string;
  /** When the answer is no longer wanted, by `performance.now()`: this process's own clock, which does not jump. */
  deadline?: number;
  /** Aborted when the caller gave up or the deadline passed. */
  signal?: AbortSignal;
  /** The same for calls of this process that it makes: only transports may watch it. */
  leaving?: AbortSignal;
  idempotencyKey?: string;
  /** The full name of the method that is called; absent for a module's own work. */
  method?: string;
  /** The header `If-Match` (RFC 9110) of a call from outside: which versions it may change. */
  ifMatch?: string;
  /** The transaction of the command that the call is; absent where there is none, or not yet. */
  command?: CommandOfCall;
  /** The ids that its transactions named as changed; absent unless the guard wants to hear of them. */
  changed?: Set<string>;
  /** What it said that it is about, for the audit. */
  subjects?: Readonly<Record<string, string>>;
  /** How many commands of other services it has called. */
  nestedCommands?: number;
  /** Of a module's own work in a shard: whether it has the rows of an org; absent where every org is here. */
  ownsOrg?: (orgId: string) => boolean;
  /** Of a call over all orgs in a shard: its part in what another process gathers from all shards. */
  gathering?: Gathering;
  /** It is done within another call of its module, which may hold a connection meanwhile. */
  within?: boolean;
  /** How often a module's own work entered each org. */
  orgsEntered?: Map<string, number>;
  /** The network address the call came from, for limits and the audit; absent for a module's own work. */
  clientAddress?: string;
}

/** The transaction of a command, as its call knows it. */
export interface CommandOfCall {
  /** Whose transaction it is. */
  readonly database: object;
  /** The handler has not returned yet. */
  readonly isOpen: boolean;
  /** Resolves when it was committed (`true`), or rolled back, or nobody knows which. */
  readonly ended: Promise<boolean>;
}

const storage = new AsyncLocalStorage<Call>();

/** The call being handled. Throws outside of one: a programming error. */
export function currentCall(): Call {
  return storage.getStore() ?? fail();
}

/** The call being handled, or nothing: for code that also runs at start. */
export const currentCallIfAny = (): Call | undefined => storage.getStore();

/**
 * Resolves when the command being handled was committed (`true`) or has failed (`false`, also where nobody knows): for what a
 * module remembers in memory until then, or did outside of the transaction and has to undo.
 */
export const commandEnd = async (): Promise<boolean> => (await storage.getStore()?.command?.ended) ?? true;

/** Runs `work` for who makes the current call, but beyond it: though the caller left or its time is over, in no transaction of its. */
export function beyondCall<T>(work: () => Promise<T>): Promise<T> {
  const { principal, callerModule, traceId, trace, requestId, clientAddress } = currentCall();
  return storage.run({ principal, callerModule, traceId, trace, requestId, clientAddress }, work);
}

/**
 * Runs `work` as part of `call`; what it awaits and calls inherits it. Nothing else that the caller keeps in an
 * `AsyncLocalStorage` is seen there, in this process as little as in another one.
 */
export function runInCall<T, A extends unknown[]>(call: Call, work: (...given: A) => T, ...given: A): T {
  if (storage.getStore() === call) return work(...given);
  return nothing.runInAsyncScope(enter<T, A>, undefined, call, work, given);
}

/** The same for a module's own work within its call: what the module keeps in an `AsyncLocalStorage` of its own is still seen. */
export const runWithinCall = <T>(call: Call, work: () => T): T => storage.run(call, work);

/** A context in which nothing is stored. Leaving it costs nothing, where `AsyncLocalStorage.run` makes a map to enter and one to leave. */
const nothing = new AsyncResource('MainstayCall');

function enter<T, A extends unknown[]>(call: Call, work: (...given: A) => T, given: A): T {
  storage.enterWith(call);
  return work(...given);
}

/** The signed-in person of the current call and the org they act in; throws for anyone else. */
export function caller(): Extract<Principal, { kind: 'account' }> {
  const { principal } = currentCall();
  if (principal.kind !== 'account') throw new Error(`this handler needs a signed-in account, not ${principal.kind}: check the method's access`);
  return principal;
}

/**
 * Carries the caller's identity between modules of one process, as context values.
 * They never come from the wire, so nobody outside can set them.
 */
export const callKey: ContextKey<Call | undefined> = createContextKey<Call | undefined>(undefined, { description: 'mainstay call' });

/** The connection that a call from outside came by. */
export interface Peer {
  address: string;
  /** What the request asked for; absent where it was none. */
  target?: RequestTarget;
  /** The domain that it came by, where a gateway serves several. */
  domain?: string;
  /** Who calls, where the gateway has asked the guard already. */
  principal?: Principal;
  /** Whether the door of its method tells what became of it: always, or when that went wrong. */
  watched?: 'all' | 'errors';
  /** What became of it. */
  seen?: SeenCall;
  /** Called when the door has told. */
  told?: () => void;
}

/** Where a call from outside came from; set by the server, never by the caller. */
export const peerKey: ContextKey<Peer | undefined> = createContextKey<Peer | undefined>(undefined, { description: 'mainstay peer' });

function fail(): never {
  throw new Error('no call is being handled here: start it with runInCall');
}
