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
  /** The domain that it came by, where a gateway serves several. */
  domain?: string | undefined;
  requestId: string;
  bytesIn?: number;
  bytesOut?: number;
}

/** Writes the line of a request. */
export function logRequest(log: Logger, { seen, path, milliseconds, ...rest }: SeenRequest): void {
  log.info({ ...(seen ?? { path }), ...rest, durationMs: Math.round(milliseconds * 10) / 10 }, 'request');
}
