import { Code, ConnectError } from '@connectrpc/connect';
import { codeFromHttpStatus, contentTypeUnaryJson, errorFromJsonBytes } from '@connectrpc/connect/protocol-connect';
import { markNotRun, notRunHeader } from './not-run.ts';
import { errorMetadata } from './remote-answer.ts';
import { headersIn, type RawResponse } from './response-reader.ts';

/** The error that an answer other than 200 tells of. */
export function errorOf({ status, head, contentType, body }: RawResponse): ConnectError {
  const fallback = new ConnectError(`the peer answered with HTTP ${status}`, codeFromHttpStatus(status));
  const error = contentType.startsWith(contentTypeUnaryJson) ? parsed(body, head, fallback) : fallback;
  for (const [name] of headersIn(head)) if (name === notRunHeader) markNotRun(error);
  return error;
}

function parsed(body: Uint8Array, head: string, fallback: ConnectError): ConnectError {
  try {
    return errorFromJsonBytes(body, errorMetadata(head), fallback);
  } catch (error) {
    return error as ConnectError;
  }
}

/** The error of a call whose connection failed; nothing ran if no connection stood. */
export function connectionError(cause: Error, sent: boolean): ConnectError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const error = new ConnectError(`the peer can not be reached: ${message || code || 'no connection'}`, Code.Unavailable, undefined, undefined, cause);
  return sent ? error : markNotRun(error);
}
