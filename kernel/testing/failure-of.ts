import assert from 'node:assert/strict';
import { ConnectError } from '@connectrpc/connect';

/** The error with which a call fails; fails itself if the call does not. */
export async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(() => assert.fail('the call did not fail'), (thrown: unknown) => thrown);
  assert.ok(error instanceof ConnectError, String(error));
  return error;
}
