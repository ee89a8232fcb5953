import { defineErrors } from '../errors/define-errors.ts';

/** What is wrong with a request before it reaches a method. */
export const httpErrors = defineErrors('kernel', {
  NO_SUCH_PATH: ['NotFound', 'nothing is served at {path}; /docs lists what is'],
  METHOD_NOT_ALLOWED: ['Unimplemented', '{method} is not allowed here; allowed: {allowed}'],
  UNSUPPORTED_MEDIA_TYPE: ['InvalidArgument', 'send {expected}, not {got}'],
  MALFORMED_BODY: ['InvalidArgument', 'the body is not valid JSON: {problem}'],
  MALFORMED_MESSAGE: ['InvalidArgument', 'the message is not valid protobuf: {problem}'],
  MALFORMED_PATH: ['InvalidArgument', 'the percent-encoding of {what} is broken'],
  MALFORMED_HEADER: ['InvalidArgument', 'the header {header} is not valid: {problem}'],
  MALFORMED_FRAME: ['InvalidArgument', 'the frame is not valid: {problem}'],
  MALFORMED_REQUEST: ['InvalidArgument', 'the request is not valid HTTP: {problem}'],
  BODY_NOT_EXPECTED: ['InvalidArgument', '{method} {path} takes no body'],
  BODY_TOO_LARGE: ['ResourceExhausted', 'the body is larger than the {limit} bytes allowed'],
  BODY_TOO_SLOW: ['DeadlineExceeded', 'the body did not arrive within {seconds} seconds'],
  RANGE_NOT_SATISFIABLE: ['OutOfRange', 'the range lies outside of the {size} bytes that there are'],
  MISDIRECTED: ['NotFound', 'nothing is served for the host {host}; call this deployment by a name of its own'],
  UPGRADE_REQUIRED: ['FailedPrecondition', 'connect to this path with a WebSocket'],
  FOREIGN_ORIGIN: ['PermissionDenied', 'pages of {origin} may not open a socket here'],
  TOO_MANY_CALLS: ['ResourceExhausted', 'at most {limit} calls may be open on one socket; wait for one to end'],
  TOO_MANY_MESSAGES: ['ResourceExhausted', 'more than {limit} messages wait to be read by the method; send slower'],
  NO_SUCH_METHOD: ['Unimplemented', 'there is no method {call}; write it as package.Service/Method'],
  TOO_MANY_CONNECTIONS: ['Unavailable', 'at most {limit} connections may be open {whose}; use those that are open, or try again in a moment'],
  STOPPING: ['Unavailable', 'the server is stopping; try again'],
});

/** Reasons whose HTTP status says more than the status of their code. */
export const statusOfReason: Readonly<Record<string, number>> = {
  'kernel.METHOD_NOT_ALLOWED': 405,
  'kernel.BODY_TOO_SLOW': 408,
  'kernel.BODY_TOO_LARGE': 413,
  'kernel.UNSUPPORTED_MEDIA_TYPE': 415,
  'kernel.RANGE_NOT_SATISFIABLE': 416,
  'kernel.MISDIRECTED': 421,
  'kernel.IDEMPOTENCY_KEY_REUSED': 422,
  'kernel.UPGRADE_REQUIRED': 426,
};

/** What a gateway refuses in the name of the port: a host that it does not serve (421, RFC 9110 §15.5.20). */
export const { MISDIRECTED: misdirected } = httpErrors;
