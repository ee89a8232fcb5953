import { Code } from '@connectrpc/connect';

/** What the door of a method adds to what the port knows of a request. */
export interface SeenCall {
  method: string;
  /** `OK`, or the code of the error. */
  code: string;
  reason?: string;
  traceId: string;
  accountId?: string;
  orgId?: string;
}

const slowMilliseconds = 1000;
const faults: ReadonlySet<Code | undefined> = new Set([Code.Unknown, Code.DeadlineExceeded, Code.Internal, Code.Unavailable, Code.DataLoss]);

/** Whether an operator wants to hear of a call: it failed by our fault, or took over a second. */
export const isWorthALine = (code: Code | undefined, milliseconds: number): boolean => faults.has(code) || milliseconds > slowMilliseconds;
