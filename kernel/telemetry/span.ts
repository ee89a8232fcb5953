import type { TraceContext } from './trace-context.ts';

/** What is told of a piece of work; never a value that came from outside or out of the database. */
export type Attributes = Record<string, string | number | boolean | undefined>;

export interface SpanOptions {
  /** `server` for calls from outside, `consumer` for events and jobs, `client` for what other programs do; `internal` if absent. */
  kind?: 'server' | 'consumer' | 'client' | 'internal';
  parent?: TraceContext;
  /** What caused the work without waiting for it. */
  link?: TraceContext;
  attributes?: Attributes;
}

/** A piece of work in a trace. */
export interface Span {
  /** Its place in the trace. */
  readonly context: TraceContext;
  /** It is kept and sent; otherwise only its place matters. */
  readonly recording: boolean;
  set(attributes: Attributes): void;
  /** Begins a part of it. */
  child(name: string, options?: Pick<SpanOptions, 'kind' | 'attributes'>): Span;
  /** Ends it; `failed` names the error's reason. */
  end(failed?: string): void;
}

/** Begins spans. There is one only where a collector is configured. */
export interface Tracer {
  start(name: string, options: SpanOptions): Span;
}
