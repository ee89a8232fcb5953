import type { ConnectError, HandlerContext } from '@connectrpc/connect';
import { codeName } from '../errors/code-name.ts';
import { reasonOf } from '../errors/define-errors.ts';
import { callKey, peerKey, type Call } from '../guard/call.ts';
import { callerTrace } from './caller-trace.ts';
import type { MethodMetrics } from './method-metrics.ts';
import { isWorthALine, type SeenCall } from './seen-call.ts';
import type { Span, Tracer } from './span.ts';
import type { Observed } from './telemetry-config.ts';

/** A method as telemetry sees it. */
export interface ObservedMethod {
  metrics: MethodMetrics;
  tracer: Tracer | undefined;
  observed: Readonly<Observed>;
}

/** Begins to observe a call at the door of its method, unless no calls are observed: its numbers, its span, and its part of the line in the log. */
export const observeCall = (method: ObservedMethod, context: HandlerContext): ObservedCall | undefined => (method.observed.calls ? new ObservedCall(method, context) : undefined);

export class ObservedCall {
  readonly span: Span | undefined;
  readonly #metrics: MethodMetrics;
  readonly #context: HandlerContext;
  readonly #began = performance.now();
  #call: Call | undefined;
  #over = false;

  constructor({ metrics, tracer }: ObservedMethod, context: HandlerContext) {
    this.#metrics = metrics;
    this.#context = context;
    this.span = tracer && startSpan(tracer, metrics, context);
    metrics.begin();
  }

  /** The call was let in: what it causes belongs to its span. */
  admitted(call: Call): void {
    this.#call = call;
    if (this.span) call.span = this.span;
  }

  /** The call is over, well or with the error that its caller gets. Only the first end counts. */
  end(error?: ConnectError): void {
    if (this.#over) return;
    this.#over = true;
    const milliseconds = performance.now() - this.#began;
    this.#metrics.end(milliseconds / 1000, error?.code);
    this.span?.end(error && (reasonOf(error) ?? codeName(error.code)));
    const peer = this.#context.values.get(peerKey);
    if (!peer?.watched) return;
    if (peer.watched === 'all' || isWorthALine(error?.code, this.#metrics.method.methodKind === 'unary' ? milliseconds : 0)) {
      peer.seen = this.#seen(error);
      peer.told?.();
    }
    // It holds the whole request, for as long as anything holds the call.
    peer.told = undefined;
  }

  #seen(error: ConnectError | undefined): SeenCall {
    const { method } = this.#metrics;
    const principal = this.#call?.principal;
    const reason = error && reasonOf(error);
    return {
      method: `${method.parent.typeName}/${method.name}`,
      code: codeName(error?.code),
      ...(reason !== undefined && { reason }),
      traceId: this.#call?.traceId ?? this.span?.context.traceId ?? '',
      ...(principal?.kind === 'account' && { accountId: principal.accountId, orgId: principal.orgId }),
    };
  }
}

function startSpan(tracer: Tracer, { method, labels }: MethodMetrics, context: HandlerContext): Span {
  const inside = context.values.get(callKey) !== undefined;
  const parent = callerTrace(context);
  return tracer.start(`${method.parent.typeName}/${method.name}`, {
    kind: inside ? 'internal' : 'server',
    ...(parent && { parent }),
    attributes: {
      'rpc.system': context.protocolName.startsWith('grpc') ? 'grpc' : 'connect_rpc',
      'rpc.service': method.parent.typeName,
      'rpc.method': method.name,
      'mainstay.module': labels.module,
      'mainstay.caller_module': context.values.get(callKey)?.callerModule,
    },
  });
}
