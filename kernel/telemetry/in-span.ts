import type { Attributes, Span } from './span.ts';

/** Runs `work` as a part of `parent`; without one it costs nothing. */
export function inSpan<T>(parent: Span | undefined, name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  const span = childSpan(parent, name, attributes);
  return span ? endWith(span, work) : work();
}

/** Begins a part of `parent`; nothing if nobody keeps it. */
export function childSpan(parent: Span | undefined, name: string, attributes: Attributes): Span | undefined {
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
