import { randomFillSync } from 'node:crypto';

/** A place in a trace, as W3C trace context tells it: of the work that called, or of the work that is being done. */
export interface TraceContext {
  /** 32 hexadecimal digits, not all zero. */
  traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  spanId: string;
  /** The caller records its part of the trace. */
  sampled: boolean;
  /** What other tracing systems passed along, as they wrote it. */
  state?: string;
}

const longestState = 512;
const mostMembers = 32;
const key = String.raw`(?:[a-z][_0-9a-z\-*/]{0,255}|[a-z0-9][_0-9a-z\-*/]{0,240}@[a-z][_0-9a-z\-*/]{0,13})`;
const member = new RegExp(String.raw`^(${key})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$`);

/**
 * Reads the headers `traceparent` and `tracestate` (W3C Trace Context, level 2). Nothing for one that is not valid: a
 * new trace begins then. A later version may append fields, which are ignored; a state that is not valid is dropped.
 */
export function parseTraceContext(traceparent: string | null | undefined, tracestate?: string | null): TraceContext | undefined {
  const [, version, traceId, spanId, flags, more] = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(traceparent ?? '') ?? [];
  if (!version || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId!) || /^0+$/.test(spanId!)) return undefined;
  const state = parseState(tracestate);
  return { traceId: traceId!, spanId: spanId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1, ...(state && { state }) };
}

/** The header `traceparent` of what is called from here. */
export const traceparentOf = ({ traceId, spanId, sampled }: TraceContext): string => `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;

/** The place of new work: below `parent`, or the root of a new trace. */
export const continueTrace = (parent: TraceContext | undefined): TraceContext =>
  parent ? { ...parent, spanId: newSpanId() } : { traceId: newTraceId(), spanId: newSpanId(), sampled: false };

export const newTraceId = (): string => notZero(16);
const newSpanId = (): string => notZero(8);

/** Random bytes that nobody has had yet: asking for many at once costs no more than for a few. */
const unused = Buffer.allocUnsafeSlow(4096);
let used = unused.length;

function notZero(bytes: number): string {
  if (used + bytes > unused.length) {
    randomFillSync(unused);
    used = 0;
  }
  const id = unused.toString('hex', used, (used += bytes));
  return /^0+$/.test(id) ? notZero(bytes) : id;
}

function parseState(text: string | null | undefined): string | undefined {
  if (!text) return undefined;
  const members = text.split(',').map((one) => one.replace(/^[ \t]+|[ \t]+$/g, '')).filter((one) => one !== '');
  const keys = members.map((one) => member.exec(one)?.[1]);
  const valid = members.length <= mostMembers && keys.every((one) => one !== undefined) && new Set(keys).size === keys.length;
  const state = members.join(',');
  return valid && state !== '' && state.length <= longestState ? state : undefined;
}
