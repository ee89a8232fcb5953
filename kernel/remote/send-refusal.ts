import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { notRunHeader } from './not-run.ts';

/** Answers a request that no method will see, with an error as Connect writes it. `again` says that it may be sent again, on another connection. */
export function sendRefusal(request: IncomingMessage, response: ServerResponse, error: ConnectError, again = false): void {
  const body = errorToJsonBytes(error, undefined);
  const headers: Record<string, string | number> = { 'content-type': 'application/json', 'content-length': body.length };
  if (again) headers[notRunHeader] = 'true';
  if (again && request.httpVersionMajor === 1) headers.connection = 'close';
  response.writeHead(codeToHttpStatus(error.code), headers).end(body);
}

/** The same as bytes of HTTP/1.1, the last of a connection. */
export function refusalBytes(error: ConnectError, again = true): Buffer {
  const body = errorToJsonBytes(error, undefined);
  const status = codeToHttpStatus(error.code);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Other'}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n${again ? `${notRunHeader}: true\r\n` : ''}connection: close\r\n\r\n`), body]);
}
