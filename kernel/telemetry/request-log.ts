import type { Logger } from './log.ts';
import type { SeenCall } from './seen-call.ts';

/** Which requests get a line: those that failed by the server's fault or took over a second, all, or none. */
export type RequestLog = 'errors' | 'all' | 'none';

/** One request as its line shows it: who, what, how it ended; never what was sent. */
export interface SeenRequest {
  seen: SeenCall | undefined;
  /** Of the HTTP answer. */
  status: number;
  /** The route, for what no method answers; never with its query. */
  path: string;
  milliseconds: number;
  address: string;
  requestId: string;
  bytesIn?: number;
  bytesOut?: number;
}

const slowMilliseconds = 1000;
const faults = new Set(['UNKNOWN', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']);

/** Writes the line of a request, if it is to have one. */
export function logRequest(log: Logger, which: RequestLog, request: SeenRequest): void {
  if (which === 'none') return;
  const { seen, path, milliseconds, ...rest } = request;
  const failed = seen ? faults.has(seen.code) : rest.status >= 500;
  const slow = milliseconds > slowMilliseconds && seen?.unary !== false;
  if (which === 'errors' && !failed && !slow) return;
  const { unary: _unary, ...call } = seen ?? { path, unary: true };
  log.info({ ...call, ...rest, durationMs: Math.round(milliseconds * 10) / 10 }, 'request');
}
