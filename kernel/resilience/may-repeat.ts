import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { Kind } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { kindOf } from '../module/check-modules.ts';
import { didNotRun } from '../remote/not-run.ts';

/** Whether a call may take effect twice without harm: it only reads, or its key makes the second time an answer to the first. */
export const isRepeatable = (method: DescMethod, idempotencyKey: string | undefined): boolean =>
  method.methodKind === 'unary' && (kindOf(method) === Kind.QUERY || (kindOf(method) === Kind.COMMAND && idempotencyKey !== undefined && idempotencyKey !== ''));

/**
 * Whether a failed call got no answer: its process is down, hangs, or the connection broke. What a process answers, even that it
 * is not available, is none of its failures, and what it waits for itself was repeated there.
 */
export const isFailureOfPeer = (error: unknown): boolean =>
  error instanceof ConnectError && !error.isWireError && (error.code === Code.Unavailable || error.code === Code.DeadlineExceeded);

/**
 * Whether a call that failed may be made again at the same process: it got no answer though there may be one next time, and it
 * may take effect twice. What surely did not run is left to whoever chooses the process.
 */
export const mayRepeat = (error: unknown, method: DescMethod, idempotencyKey: string | undefined): boolean =>
  isFailureOfPeer(error) && (error as ConnectError).code === Code.Unavailable && !didNotRun(error) && isRepeatable(method, idempotencyKey);
