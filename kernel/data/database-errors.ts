import { Code, ConnectError } from '@connectrpc/connect';
import pg from 'pg';
import { defineErrors } from '../errors/define-errors.ts';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { WRONG_SHARD } from '../shards/shard-sql.ts';

export const databaseErrors = defineErrors('kernel', {
  DATABASE_UNAVAILABLE: ['Unavailable', 'the database can not be reached; try again in a moment'],
  DATABASE_BUSY: ['Unavailable', 'the database is busy; try again in a moment'],
  DATABASE_FULL: ['Unavailable', 'the database has no room to write; free some space on its disk, reading goes on'],
  DATABASE_TIMEOUT: ['DeadlineExceeded', 'the database took too long; ask for less'],
});

const LOST = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', '57P01', '57P02', '57P03', '57P05', '25P03']);
const REPEATABLE = new Set(['40001', '40P01']);

/** The error of PostgreSQL or of its connection as callers should see it; what is not about the connection stays as it is. */
export function databaseError(error: unknown): unknown {
  if (error instanceof ConnectError || !(error instanceof Error)) return error;
  const made = translate(error, codeOf(error));
  if (made) made.cause = error;
  return made ?? error;
}

/** Whether the whole transaction failed for a reason that is gone when it runs again. */
export const isRepeatable = (error: unknown): boolean => REPEATABLE.has(codeOf(error));

/** A prepared statement whose table has changed since: a fresh connection does not have it. */
export const isStalePlan = (error: unknown): boolean => codeOf(error) === '0A000' && error instanceof Error && error.message.includes('cached plan');

/** A statement of a transaction in which another failed before: that one says why. */
export const isAfterFailure = (error: unknown): boolean => codeOf(error) === '25P02';

/** What is thrown where PostgreSQL answered a commit by rolling back, and no statement said why. */
export const rolledBack = (): Error => new Error('the transaction was rolled back because one of its statements failed');

/** What is thrown where a transaction is used that was committed or rolled back: its connection may be another's by then. */
export const transactionOver = (): Error => new Error('this transaction is over: await all that is done in it before it ends');

/** Whether a unique constraint refused the row: the named one, or any. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505' && (constraint === undefined || error.constraint === constraint);
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

function translate(error: Error, code: string): ConnectError | undefined {
  if (code === '53300' || error.message.includes('timeout exceeded when trying to connect')) return databaseErrors.DATABASE_BUSY();
  if (code === '53100') return databaseErrors.DATABASE_FULL();
  if (code === '57014') return databaseErrors.DATABASE_TIMEOUT();
  if (code === WRONG_SHARD) return kernelErrors.WRONG_SHARD({ slot: (error as pg.DatabaseError).detail ?? '' });
  const lost = LOST.has(code) || code.startsWith('08') || /Connection terminated|connection error and is not queryable|Client was closed|connection timeout/i.test(error.message);
  return lost ? databaseErrors.DATABASE_UNAVAILABLE() : undefined;
}

/** The error that a caller who gave up, or whose time ran out, is answered with. */
export function abortError({ reason }: AbortSignal): ConnectError {
  if (reason instanceof ConnectError) return reason;
  if ((reason as Error | undefined)?.name === 'TimeoutError') return new ConnectError('the deadline passed', Code.DeadlineExceeded, undefined, undefined, reason);
  return new ConnectError('the caller gave up', Code.Canceled, undefined, undefined, reason);
}
