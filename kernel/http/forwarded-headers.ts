import type { IncomingHttpHeaders } from 'node:http';
import type { DescMethod } from '@bufbuild/protobuf';
import { ReceivedHeaders } from '../placement/received-headers.ts';
import { provesItself } from './rest/web-method.ts';

/** Headers that belong to one connection or to the body's wire form (RFC 9110 §7.6.1), not to the call. */
const ofTheConnection = new Set([
  'accept-encoding', 'connection', 'content-encoding', 'content-length', 'content-type', 'expect', 'host', 'http2-settings', 'keep-alive', 'proxy-authenticate',
  'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'connect-timeout-ms', 'grpc-timeout',
]);

/** The headers of a request that go on to the method. */
export const callHeaders = (incoming: IncomingHttpHeaders, method?: DescMethod): Headers => new ReceivedHeaders(incoming, method && provesItself(method) ? isOfAnotherProtocol : staysHere);

const staysHere = (name: string) => name.startsWith(':') || ofTheConnection.has(name);
const isOfAnotherProtocol = (name: string) => name === 'authorization' || name === 'mainstay-org' || staysHere(name);

/** The headers that a method set and its caller gets. */
export function endToEndHeaders(headers: Headers): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    if (ofTheConnection.has(name)) continue;
    out[name] = name === 'set-cookie' ? headers.getSetCookie() : value;
  }
  return out;
}
