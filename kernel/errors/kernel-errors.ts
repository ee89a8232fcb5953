import { defineErrors } from './define-errors.ts';

/** Errors that any method may answer with, whichever module serves it. */
export const kernelErrors = defineErrors('kernel', {
  INTERNAL: ['Internal', 'internal error; quote trace {traceId} when you report it'],
  INVALID_REQUEST: ['InvalidArgument', 'the request is not valid: {summary}'],
  UNAUTHENTICATED: ['Unauthenticated', 'sign in first: {because}'],
  PERMISSION_DENIED: ['PermissionDenied', 'not allowed: {because}'],
  MODULE_QUARANTINED: ['Unavailable', '{module} is not running; its operator sees why with ./mainstay status'],
  WRONG_SHARD: ['Unavailable', 'the rows of this org lie in another shard (slot {slot}); try again'],
});
