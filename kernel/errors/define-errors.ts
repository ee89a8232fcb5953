import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequest_FieldViolationSchema, BadRequestSchema, ErrorInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';

type Row = readonly [code: keyof typeof Code, message: string];
type Params<M extends string> = M extends `${string}{${infer P}}${infer Rest}` ? P | Params<Rest> : never;
type Make<M extends string> = [Params<M>] extends [never]
  ? (params?: Record<string, string>) => ConnectError
  : (params: Record<Params<M>, string | number> & Record<string, string | number>) => ConnectError;

/** An error travels in HTTP headers where gRPC is spoken, of which clients take 8 KiB, and a larger one ends the connection for every call on it. */
const longestText = 500;
const longestViolations = 3000;

/**
 * Makes a module's errors from a table of `REASON: [code, message]`.
 * `{name}` in a message is filled from the parameters. The reason travels as `google.rpc.ErrorInfo`, so it
 * is the same on every wire; messages are lower case, without a full stop, and say what to do. Long parameters are cut.
 */
export function defineErrors<const T extends Record<string, Row>>(domain: string, table: T) {
  const make = (reason: string, [code, text]: Row) => (params: Record<string, string | number> = {}) => {
    const metadata = Object.fromEntries(Object.entries(params).map(([key, value]) => [key, cut(String(value))]));
    const message = text.replace(/\{(\w+)\}/g, (_, key: string) => metadata[key] ?? key);
    return new ConnectError(message, Code[code], undefined, [{ desc: ErrorInfoSchema, value: { reason, domain, metadata } }]);
  };
  return Object.fromEntries(Object.entries(table).map(([reason, row]) => [reason, make(reason, row)])) as {
    [K in keyof T]: Make<T[K][1]>;
  };
}

/** The stable name of an error, `domain.REASON`, the same whether its service ran here or elsewhere. */
export function reasonOf(error: unknown): string | undefined {
  const info = ConnectError.from(error).findDetails(ErrorInfoSchema)[0];
  return info && `${info.domain}.${info.reason}`;
}

/** One field of a request that is wrong, and what it should be. `field` is a path such as `promise.due_time`. */
export interface FieldViolation {
  field: string;
  description: string;
  /** A stable identifier of the rule that was broken, such as `string.email`. */
  reason?: string;
}

/** Adds field violations to an error, where clients and forms find them: `google.rpc.BadRequest`. As many as an error can carry. */
export function withViolations(error: ConnectError, violations: readonly FieldViolation[]): ConnectError {
  let left = longestViolations;
  const carried = violations.slice(0, 100).map(({ field, description, reason }) => ({ field: cut(field), description: cut(description), reason }));
  const fieldViolations = carried.filter((violation) => (left -= Object.values(violation).join('').length) >= 0).map((violation) => create(BadRequest_FieldViolationSchema, violation));
  error.details.push({ desc: BadRequestSchema, value: { fieldViolations } });
  return error;
}

/** The field violations that an error carries. */
export function violationsOf(error: unknown): FieldViolation[] {
  return ConnectError.from(error).findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
}

const cut = (text: string): string => (text.length > longestText ? `${text.slice(0, longestText).toWellFormed()}…` : text);
