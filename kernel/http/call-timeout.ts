import type { IncomingHttpHeaders } from 'node:http';
import { httpErrors } from './http-errors.ts';

/** Timers cannot wait longer; with more they would fire at once. */
export const longestTimeoutMs = 2 ** 31 - 1;

const milliseconds: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** How long the caller waits, in milliseconds, from `connect-timeout-ms` or `grpc-timeout`. Throws `kernel.MALFORMED_HEADER`. */
export function callTimeout(headers: IncomingHttpHeaders): number | undefined {
  const connect = headers['connect-timeout-ms'];
  if (connect !== undefined) {
    if (!/^\d{1,10}$/.test(String(connect))) throw httpErrors.MALFORMED_HEADER({ header: 'connect-timeout-ms', problem: 'give milliseconds, at most 10 digits' });
    return Math.min(Number(connect), longestTimeoutMs);
  }
  const grpc = headers['grpc-timeout'];
  if (grpc === undefined) return undefined;
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(grpc)) ?? [];
  if (!amount) throw httpErrors.MALFORMED_HEADER({ header: 'grpc-timeout', problem: 'give at most 8 digits and one of H, M, S, m, u, n' });
  return Math.min(Math.ceil(Number(amount) * milliseconds[unit!]!), longestTimeoutMs);
}

/** Shortens a deadline that no timer can wait for to the longest that one can: it would count as over at once. */
export function shortenTimeouts(headers: IncomingHttpHeaders): void {
  const [connect, grpc] = [headers['connect-timeout-ms'], headers['grpc-timeout']];
  if (connect !== undefined && /^\d{10}$/.test(String(connect))) headers['connect-timeout-ms'] = String(Math.min(Number(connect), longestTimeoutMs));
  const [, amount, unit] = grpc === undefined ? [] : (/^(\d{1,8})([HM])$/.exec(String(grpc)) ?? []);
  if (amount && Number(amount) * milliseconds[unit!]! > longestTimeoutMs) headers['grpc-timeout'] = `${Math.floor(longestTimeoutMs / 1000)}S`;
}

/** Makes a caller wait no longer than that, in milliseconds, whatever it says. */
export function capTimeout(headers: IncomingHttpHeaders, mostMs: number): void {
  const given = callTimeout(headers);
  if (given !== undefined && given <= mostMs) return;
  if (headers['content-type']?.startsWith('application/grpc')) headers['grpc-timeout'] = `${mostMs}m`;
  else headers['connect-timeout-ms'] = String(mostMs);
}
