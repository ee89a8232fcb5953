import { crc32 } from 'node:zlib';
import { create } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { PreconditionFailureSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { defineErrors } from '../errors/define-errors.ts';
import { currentCall, type Call } from '../guard/call.ts';

const errors = defineErrors('kernel', {
  CHANGED_MEANWHILE: ['Aborted', 'it was changed meanwhile: get it again and repeat'],
  IF_MATCH_NOT_COMPARED: ['FailedPrecondition', 'this method compares no versions, so nothing was done; send it without the header if-match'],
});

/** The type by which a `google.rpc.PreconditionFailure` says that an etag did not match. */
export const etagPrecondition = 'ETAG';

/**
 * A strong entity tag (RFC 9110, AIP-154): the version of the row, and a digest of whatever else the answer shows that
 * has no version of its own, such as names of others. Updates go by the version alone.
 */
export function etagOf(version: number, beside?: unknown): string {
  return beside === undefined ? `"${version}"` : `"${version}-${crc32(JSON.stringify(beside)).toString(36)}"`;
}

/**
 * Refuses to change what the caller has not seen: neither the `etag` of the request nor the header `If-Match` may name
 * another version than this one, which must be locked. Throws `mismatch`, or `kernel.CHANGED_MEANWHILE`; REST answers it with 412.
 */
export function requireMatch(version: number, etag = '', mismatch: ConnectError = errors.CHANGED_MEANWHILE()): void {
  const call = currentCall();
  const { ifMatch } = call;
  if (ifMatch !== undefined) compared.add(call);
  if ((etag === '' || matches(etag, version)) && (ifMatch === undefined || matches(ifMatch, version))) return;
  const violations = [{ type: etagPrecondition, subject: etag || ifMatch!.slice(0, 100), description: `it is ${etagOf(version)} now` }];
  mismatch.details.push({ desc: PreconditionFailureSchema, value: create(PreconditionFailureSchema, { violations }) });
  throw mismatch;
}

/** Calls whose `If-Match` was looked at. */
const compared = new WeakSet<Call>();

/**
 * Refuses a call that says which version it may change where no version was compared: done all the same, it could
 * overwrite what its caller has not seen (RFC 9110 §13.1.1). Throws `kernel.IF_MATCH_NOT_COMPARED`.
 *
 * The door asks for it before the commit. A command that does something beyond its transaction asks before it does that.
 */
export function requireCompared(call: Call = currentCall()): void {
  if (call.ifMatch !== undefined && !compared.has(call)) throw errors.IF_MATCH_NOT_COMPARED();
}

/** Weak tags (`W/"1"`) never match: they don't promise that nothing changed. */
const matches = (given: string, version: number): boolean =>
  given.trim() === '*' || given.split(',').some((tag) => /^"(\d+)(-[0-9a-z]+)?"$/.exec(tag.trim())?.[1] === String(version));
