import type { IncomingMessage } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import { httpErrors } from '../http/http-errors.ts';
import { joined } from './response-reader.ts';

/** The whole body of a request, in memory of its own. Throws `kernel.BODY_TOO_LARGE`, and `canceled` if the caller leaves before its end. */
export function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let size = 0;
    const tooLarge = () => reject(httpErrors.BODY_TOO_LARGE({ limit }));
    if (Number(request.headers['content-length'] ?? 0) > limit) return tooLarge();
    request.on('data', (part: Uint8Array) => {
      size += part.length;
      if (size > limit) return void (request.pause(), tooLarge());
      parts.push(part);
    });
    request.on('end', () => resolve(joined(parts, size)));
    request.on('error', () => reject(new ConnectError('the caller left', Code.Canceled)));
  });
}
