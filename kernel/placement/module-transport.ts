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
      return transport.unary(method, signalOf(call, signal), timeoutOf(call, timeoutMs), header, input, vouch(module, call, method, values));
    },
    stream: (method, signal, timeoutMs, header, input, values) => {
      const call = currentCallIfAny();
      return transport.stream(method, signalOf(call, signal), timeoutOf(call, timeoutMs), header, input, vouch(module, call, method, values));
    },
  };
}

function vouch(module: string, call: Call | undefined, method: DescMethod, values: ContextValues | undefined): ContextValues {
  const vouched = new VouchedCall(module, call, method);
  return values ? values.set(callKey, vouched) : new CallValues(vouched);
}

/** What a module says of the call on whose behalf it calls. */
class VouchedCall implements Call {
  readonly principal: Principal;
  readonly callerModule: string;
  readonly idempotencyKey: string | undefined;
  readonly #call: Call | undefined;
  #trace: TraceContext | undefined;

  constructor(module: string, call: Call | undefined, method: DescMethod) {
    this.principal = call?.principal ?? { kind: 'module', module };
    this.callerModule = module;
    this.idempotencyKey = call && kindOf(method) === Kind.COMMAND ? nestedKey(call, method) : undefined;
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

function timeoutOf(call: Call | undefined, timeoutMs: number | undefined): number | undefined {
  if (call?.deadline === undefined) return timeoutMs;
  const left = call.deadline - Date.now();
  return timeoutMs === undefined ? left : Math.min(left, timeoutMs);
}

function signalOf(call: Call | undefined, signal: AbortSignal | undefined): AbortSignal | undefined {
  if (!signal) return call?.leaving ?? call?.signal;
  return call?.signal ? AbortSignal.any([call.signal, signal]) : signal;
}
