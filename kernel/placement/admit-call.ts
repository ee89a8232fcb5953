import type { DescMethod } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { nameOf } from '../commands/command-record.ts';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { callKey, peerKey, type Call } from '../guard/call.ts';
import type { AccessRequest, Decision, Guard } from '../guard/guard.ts';
import type { Principal } from '../guard/principal.ts';
import { accessOf } from '../module/check-modules.ts';
import { callerTrace } from '../telemetry/caller-trace.ts';
import { gatheringOf } from '../shards/gathering.ts';
import type { ObservedCall } from '../telemetry/observe-call.ts';
import { requestIdHeader } from '../telemetry/request-id.ts';
import { InProcessCall } from './in-process-call.ts';
import { continueTrace, newTraceId, parseTraceContext, type TraceContext } from '../telemetry/trace-context.ts';

/** What every served method of a module stands behind. */
export interface Admission {
  /** The module that serves the method. */
  module: string;
  guard: () => Guard;
  /** Why the module does not run, if it is quarantined. */
  problem?: () => string | undefined;
  /** Throws for an org whose rows another shard has; absent where the module is not in shards. */
  requireOwn?: (orgId: string) => void;
  /** Another process serves the method, refuses what is to be refused and records it: here it is only found out who calls. */
  passesOn?: boolean;
}

/**
 * Lets a call in, or throws: finds out who calls and asks the guard, wherever the call comes from.
 * Another module of this process vouches for its caller by the context value `callKey`; a call from
 * outside proves itself by its headers. `arrival` is told of the call before it is let in. Gives a promise only where
 * the guard had to ask: most of what calls each other is known, and each promise costs a tenth of a local call.
 */
export function admitCall(method: DescMethod, request: unknown, context: HandlerContext, admission: Admission, arrival: Arrival): GuardedCall | Promise<GuardedCall> {
  const { module, guard, problem } = admission;
  if (problem?.()) throw kernelErrors.MODULE_QUARANTINED({ module });
  const vouched = context.values.get(callKey);
  const principal = vouched ? vouched.principal : principalOf(context, guard());
  const arrived = (known: Principal) => decideOn(new AdmittedCall(known, vouched, context), method, request, admission, arrival);
  return principal instanceof Promise ? principal.then(arrived) : arrived(principal);
}

function principalOf({ values, requestHeader }: HandlerContext, guard: Guard): Principal | Promise<Principal> {
  const peer = values.get(peerKey);
  return peer?.principal ?? guard.authenticate(requestHeader, peer?.target);
}

function decideOn(call: AdmittedCall, method: DescMethod, request: unknown, admission: Admission, arrival: Arrival): GuardedCall | Promise<GuardedCall> {
  const { module, guard } = admission;
  const { principal, callerModule } = call;
  arrival.call = call;
  arrival.observed?.admitted(call);
  const asked: AccessRequest = { principal, callerModule, module, method, access: accessOf(method)!, projectId: projectIdOf(request) };
  if (!call.isVouched && method.methodKind !== 'unary') call.onLoss = (lost) => guard().onLoss?.(asked, lost);
  const decision = guard().decide(asked);
  return decision instanceof Promise ? decision.then((made) => letIn(call, made, admission)) : letIn(call, decision, admission);
}

function letIn(call: AdmittedCall, decision: Decision, { requireOwn, passesOn }: Admission): GuardedCall {
  if (passesOn) {
    call.acrossOrgs = decision.allowed && decision.acrossOrgs;
    // It is refused where it is served.
    if (!decision.allowed) call.onLoss = undefined;
    return call;
  }
  if (!decision.allowed) {
    if (decision.error) throw decision.error;
    const refuse = call.principal.kind === 'anonymous' ? kernelErrors.UNAUTHENTICATED : kernelErrors.PERMISSION_DENIED;
    throw refuse({ because: decision.because });
  }
  call.acrossOrgs = decision.acrossOrgs;
  if (requireOwn) {
    if (!call.acrossOrgs) ownOrg(call.principal, requireOwn);
    else if (call.isVouched) call.gathering = gatheringOf(call.context);
  }
  const { ended } = decision;
  if (ended) {
    const changed = (call.changed = new Set());
    call.ended = () => ended(changed);
  }
  return call;
}

function ownOrg(principal: Principal, requireOwn: (orgId: string) => void): void {
  if (principal.kind !== 'anonymous' && principal.orgId !== undefined) requireOwn(principal.orgId);
}

/** What keeps in mind how far a call came. */
interface Arrival {
  observed: ObservedCall | undefined;
  /** Set as soon as it is known who calls. */
  call?: GuardedCall;
}

/** The project that a request names in its field `project_id`: roles in that project count for the call. */
function projectIdOf(request: unknown): string | undefined {
  const { projectId } = request as { projectId?: unknown };
  return typeof projectId === 'string' && projectId !== '' ? projectId : undefined;
}

/** A call that was let in: what the guard wants to hear of it and tells about it goes beside the call itself. */
export interface GuardedCall extends Call {
  ended?: () => void | Promise<void>;
  /** Of a stream from outside: as `Guard.onLoss`. */
  onLoss?: (lost: (error: Error) => void) => (() => void) | undefined;
}

/** Reads from the transport's context only what is asked for: headers and signals cost more than a local call. */
class AdmittedCall implements GuardedCall {
  readonly principal: Principal;
  readonly callerModule: string | undefined;
  acrossOrgs: boolean | undefined;
  ended: GuardedCall['ended'];
  onLoss: GuardedCall['onLoss'];
  command: Call['command'];
  changed: Call['changed'];
  nestedCommands = 0;
  orgsEntered: Call['orgsEntered'];
  span: Call['span'];
  readonly deadline: number | undefined;
  readonly #vouched: Call | undefined;
  gathering: Call['gathering'];
  readonly #context: HandlerContext;
  #trace: TraceContext | undefined;

  constructor(principal: Principal, vouched: Call | undefined, context: HandlerContext) {
    this.principal = principal;
    this.callerModule = vouched?.callerModule;
    this.deadline = deadlineOf(context);
    this.#vouched = vouched;
    this.#context = context;
  }

  get context() {
    return this.#context;
  }

  get isVouched() {
    return this.#vouched !== undefined;
  }

  get traceId() {
    return this.trace.traceId;
  }

  get trace(): TraceContext {
    return this.span?.context ?? (this.#trace ??= continueTrace(callerTrace(this.#context)));
  }

  get requestId() {
    return this.#vouched ? this.#vouched.requestId : (this.#context.requestHeader.get(requestIdHeader) ?? undefined);
  }

  get signal() {
    return this.#context.signal;
  }

  get leaving() {
    return this.#context instanceof InProcessCall ? this.#context.leaving.signal : this.#context.signal;
  }

  get clientAddress() {
    return this.#vouched ? this.#vouched.clientAddress : this.#context.values.get(peerKey)?.address;
  }

  get idempotencyKey() {
    return this.#vouched ? this.#vouched.idempotencyKey : (this.#context.requestHeader.get('idempotency-key') ?? undefined);
  }

  get method() {
    return nameOf(this.#context.method);
  }

  /** No module passes it on: it is about what this call changes. */
  get ifMatch() {
    return this.#vouched ? this.#vouched.ifMatch : (this.#context.requestHeader.get('if-match') ?? undefined);
  }
}

function deadlineOf(context: HandlerContext): number | undefined {
  if (context instanceof InProcessCall) return context.deadline;
  const timeout = context.timeoutMs();
  return timeout === undefined ? undefined : performance.now() + timeout;
}

/** The trace id of W3C `traceparent`, or a new one: 32 hexadecimal digits. */
export const traceIdOf = (header: Headers): string => parseTraceContext(header.get('traceparent'))?.traceId ?? newTraceId();
