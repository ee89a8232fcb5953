import type { DescMethod } from '@bufbuild/protobuf';
import type { ContextValues, Transport } from '@connectrpc/connect';
import { callKey, currentCallIfAny, type Call } from '../guard/call.ts';
import type { Principal } from '../guard/principal.ts';
import { Kind } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { nestedKey } from '../commands/nested-key.ts';
import { kindOf } from '../module/check-modules.ts';
import { CallValues } from './call-values.ts';
import { continueTrace, type TraceContext } from '../telemetry/trace-context.ts';

/**
 * What a module's clients call through: adds who calls (the principal of the call being handled, and the
 * module itself), and hands down the deadline and cancellation of that call.
 */
export function moduleTransport(module: string, transport: Transport): Transport {
  return {
    unary: (method, signal, timeoutMs, header, input, values) => {
      const call = currentCallIfAny();
      const deadline = deadlineOf(call, timeoutMs);
      return transport.unary(method, signalOf(call, signal), timeLeft(deadline), header, input, vouch(module, call, method, deadline, values));
    },
    stream: (method, signal, timeoutMs, header, input, values) => {
      const call = currentCallIfAny();
      const deadline = deadlineOf(call, timeoutMs);
      return transport.stream(method, signalOf(call, signal), timeLeft(deadline), header, input, vouch(module, call, method, deadline, values));
    },
  };
}

function vouch(module: string, call: Call | undefined, method: DescMethod, deadline: number | undefined, values: ContextValues | undefined): ContextValues {
  const vouched = new VouchedCall(module, call, method, deadline);
  return values ? values.set(callKey, vouched) : new CallValues(vouched);
}

/** What a module says of the call on whose behalf it calls. */
class VouchedCall implements Call {
  readonly principal: Principal;
  readonly callerModule: string;
  readonly idempotencyKey: string | undefined;
  readonly deadline: number | undefined;
  readonly #call: Call | undefined;
  #trace: TraceContext | undefined;

  constructor(module: string, call: Call | undefined, method: DescMethod, deadline: number | undefined) {
    this.principal = call?.principal ?? { kind: 'module', module };
    this.callerModule = module;
    this.idempotencyKey = call && kindOf(method) === Kind.COMMAND ? nestedKey(call, method) : undefined;
    this.deadline = deadline;
    this.#call = call;
  }

  get traceId() {
    return this.trace.traceId;
  }

  get trace(): TraceContext {
    return (this.#trace ??= this.#call?.trace ?? startOf(this.#call));
  }

  get requestId() {
    return this.#call?.requestId;
  }

  get clientAddress() {
    return this.#call?.clientAddress;
  }
}

/** A call that has no place in its trace yet is the first in it. */
const startOf = (call: Call | undefined): TraceContext => ({ ...continueTrace(undefined), ...(call && { traceId: call.traceId }) });

/** The earlier of the caller's own deadline and what it gives this call, by `performance.now()`. */
function deadlineOf(call: Call | undefined, timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined) return call?.deadline;
  return Math.min(call?.deadline ?? Infinity, performance.now() + timeoutMs);
}

const timeLeft = (deadline: number | undefined): number | undefined => (deadline === undefined ? undefined : deadline - performance.now());

function signalOf(call: Call | undefined, signal: AbortSignal | undefined): AbortSignal | undefined {
  if (!signal) return call?.leaving ?? call?.signal;
  return call?.signal ? AbortSignal.any([call.signal, signal]) : signal;
}
