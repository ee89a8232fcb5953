import { currentCallIfAny } from '../guard/call.ts';
import type { Attributes, Span } from './span.ts';

/** Runs `work` as a part of the call being handled; without a tracer it costs nothing. */
export function inSpan<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  const span = childSpan(name, attributes);
  return span ? endWith(span, work) : work();
}

/** Begins a part of the call being handled; nothing if nobody keeps its spans. */
export function childSpan(name: string, attributes: Attributes): Span | undefined {
  const parent = currentCallIfAny()?.span;
  return parent?.recording ? parent.child(name, { kind: 'client', attributes }) : undefined;
}

/** Ends the span with the work. */
export async function endWith<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    span.end();
    return result;
  } catch (error) {
    span.end(error instanceof Error ? error.name : 'error');
    throw error;
  }
}
