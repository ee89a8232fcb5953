import { createHash } from 'node:crypto';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Call } from '../guard/call.ts';
import { requireCompared } from '../queries/etag.ts';
import { nameOf } from './command-record.ts';

/** Before the work of a call is tried again: what it calls gets the same keys. */
export function startAnew(call: Call): void {
  call.nestedCommands = 0;
  call.orgsEntered = undefined;
}

/**
 * The idempotency key of a command that another command calls: made of the outer key, both methods, and how many
 * commands came before it, so that it takes effect once however often the outer one is tried. It commits by itself, so the
 * outer one must have compared the version that it may change by then.
 */
export function nestedKey(call: Call, method: DescMethod): string | undefined {
  requireCompared(call);
  const place = (call.nestedCommands = (call.nestedCommands ?? 0) + 1);
  if (call.idempotencyKey === undefined) return undefined;
  return createHash('sha256').update(JSON.stringify([call.idempotencyKey, call.method, nameOf(method), place])).digest('base64url');
}
