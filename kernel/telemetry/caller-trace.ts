import type { HandlerContext } from '@connectrpc/connect';
import { callKey } from '../guard/call.ts';
import { continueTrace, parseTraceContext, type TraceContext } from './trace-context.ts';

/** Where a call comes from in its trace: from another module, or what its headers say. */
export function callerTrace(context: HandlerContext): TraceContext | undefined {
  const vouched = context.values.get(callKey);
  if (vouched) return vouched.trace ?? { ...continueTrace(undefined), traceId: vouched.traceId };
  return parseTraceContext(context.requestHeader.get('traceparent'), context.requestHeader.get('tracestate'));
}
