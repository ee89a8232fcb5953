import { currentCallIfAny } from '../guard/call.ts';
import type { Attributes, Span } from './span.ts';

/** Runs `work` as a part of the call being handled; without a tracer it costs nothing. */
export function inSpan<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  const parent = currentCallIfAny()?.span;
  if (!parent?.recording) return work();
  return endWith(parent.child(name, { kind: 'client', attributes }), work);
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
