import { defineErrors } from '@mainstay/kernel';

export const errors = defineErrors('sys-core', {
  TOKEN_EXPIRED: ['Unauthenticated', 'the access token has expired; refresh the session'],
  TOKEN_NOT_YET_VALID: ['Unauthenticated', 'the access token is not valid yet; check the clocks'],
  TOKEN_WRONG_AUDIENCE: ['Unauthenticated', 'the access token is for another audience; log in here'],
  TOKEN_WRONG_ISSUER: ['Unauthenticated', 'the access token is from another issuer; log in here'],
  TOKEN_INVALID: ['Unauthenticated', 'the access token is not valid; log in'],
  CREDENTIALS_UNKNOWN: ['Unauthenticated', 'send the header authorization as: Bearer, a space, and an access token or API key'],
  SESSION_ENDED: ['Unauthenticated', 'the session has ended; log in again'],
  API_KEY_INVALID: ['Unauthenticated', 'the API key is not valid, has expired or was revoked; make another'],
  ORG_NOT_FOUND: ['NotFound', 'no org {orgId}; the header mainstay-org takes the id of an org of which the account is a member'],
  AUDIT_ENTRY_NOT_FOUND: ['NotFound', 'no audit entry {entryId}'],
  AUDIT_POSITION_INCOMPLETE: ['InvalidArgument', 'after needs both the sequence and the hash of an entry, or neither'],
});
