import { Code, ConnectError } from '@connectrpc/connect';
import pg from 'pg';
import { reasonOf, violationsOf } from '../errors/define-errors.ts';
import { cutText } from './cut-text.ts';

const deepestCause = 5;
/** What Node and libraries say about a failure that is neither a secret nor a person. */
const harmless = ['code', 'errno', 'syscall', 'address', 'port', 'signal', 'exitCode', 'statusCode'] as const;
const ofDatabase = ['code', 'severity', 'schema', 'table', 'column', 'dataType', 'constraint', 'routine'] as const;

/**
 * An error as a log may hold it: its type, message, stack and cause, and what is known to be harmless of the rest.
 * PostgreSQL puts values of rows into details, contexts and some messages: they are left out.
 */
export function redactError(error: Error, depth = 0): Record<string, unknown> {
  const message = cutText(messageOf(error));
  return {
    type: error.name,
    message,
    stack: stackOf(error, message),
    ...(error instanceof ConnectError ? ofConnect(error) : pick(error, error instanceof pg.DatabaseError ? ofDatabase : harmless)),
    ...(error instanceof AggregateError && depth < deepestCause && { errors: error.errors.slice(0, 10).map((one) => (one instanceof Error ? redactError(one, depth + 1) : typeof one)) }),
    ...(error.cause instanceof Error && depth < deepestCause && { cause: redactError(error.cause, depth + 1) }),
  };
}

/** Messages about values that do not fit (class 22) quote the value; others quote names of tables and rules. */
export function messageOf(error: Error): string {
  return error instanceof pg.DatabaseError && /^(22|P0)/.test(error.code ?? '') ? error.message.replace(/: .*$/s, ': [redacted]').replace(/"[^"]*"/g, '"[redacted]"') : error.message;
}

/** A stack begins with the message. */
const stackOf = ({ stack, message, name }: Error, shownMessage: string): string | undefined =>
  stack?.includes(message) && message !== '' ? stack.replace(message, () => shownMessage) : stack && `${name}: ${shownMessage}${stack.slice(Math.max(0, stack.indexOf('\n    at ')))}`;

function ofConnect(error: ConnectError): Record<string, unknown> {
  const fields = violationsOf(error).map(({ field }) => field);
  return { code: Code[error.code], reason: reasonOf(error), ...(fields.length > 0 && { fields }) };
}

function pick(error: Error, names: readonly string[]): Record<string, unknown> {
  const all = error as unknown as Record<string, unknown>;
  return Object.fromEntries(names.flatMap((name) => (typeof all[name] === 'string' || typeof all[name] === 'number' ? [[name, all[name]]] : [])));
}
