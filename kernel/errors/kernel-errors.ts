import { defineErrors } from './define-errors.ts';

/** Errors that any method may answer with, whichever module serves it. */
export const kernelErrors = defineErrors('kernel', {
  INTERNAL: ['Internal', 'internal error; quote trace {traceId} when you report it'],
  INVALID_REQUEST: ['InvalidArgument', 'the request is not valid: {summary}'],
  UNAUTHENTICATED: ['Unauthenticated', 'sign in first: {because}'],
  PERMISSION_DENIED: ['PermissionDenied', 'not allowed: {because}'],
  MODULE_QUARANTINED: ['Unavailable', '{module} is not running; its operator sees why with ./mainstay status'],
  WRONG_SHARD: ['Unavailable', 'the rows of this org lie in another shard (slot {slot}); try again'],
  ORG_MOVED: ['Aborted', 'the rows of this org moved to another shard while this was being done, and it was undone here; what it had asked of other modules may have happened: look, and repeat what is missing, with an idempotency key'],
  PEER_UNREACHABLE: ['Unavailable', 'the process that runs {module} does not answer at the moment; try again'],
  NOT_PLACED: ['Unavailable', 'no process of the deployment runs {service}'],
  TOO_MANY_ROLES: ['ResourceExhausted', 'the account has more roles than one process can name to another, some thousands: give it roles in orgs instead of their projects'],
  ORG_NEEDED: ['FailedPrecondition', '{method} is about the rows of one org: act in one'],
});
