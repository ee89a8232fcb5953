import { gzipSync } from 'node:zlib';
import type { FuzzCase } from './any-case.ts';

/** An HTTP request, ready to be sent as it is. */
export interface FuzzRequest {
  verb: string;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array | undefined;
}

type Harm = NonNullable<FuzzCase['damage']>;

/** Bytes that break what reads them: no UTF-8, no JSON, no protobuf, and lengths that lie. */
const inserts: readonly Uint8Array[] = [
  [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0], [0x22], [0x7b], [0x5d], [0x2c, 0x2c], [0x5c, 0x75, 0x64, 0x38, 0x30, 0x30],
  [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80], [0x07], [0x00], [0x0c], [0xf8, 0xff, 0xff, 0xff, 0x7f, 0x01], new Array<number>(10_000).fill(0x0b), new Array<number>(10_000).fill(0x5b),
].map((bytes) => Uint8Array.from(bytes));

/** The body with one thing done to it; `enveloped` bodies begin with five bytes of flags and length. */
export function damagedBody(body: Uint8Array, { kind, place }: Harm, enveloped: boolean): Uint8Array {
  const at = Math.floor((place / 1000) * (body.length + 1));
  const changed = Buffer.from(body);
  switch (kind) {
    case 'cut': return changed.subarray(0, at);
    case 'insert': return Buffer.concat([changed.subarray(0, at), inserts[place % inserts.length]!, changed.subarray(at)]);
    case 'twice': return Buffer.from(changed.toString('latin1').replace(/^\{("[^"]*"):/, '{$1:null,$1:'), 'latin1');
    case 'proto': return Buffer.from(changed.toString('latin1').replace('{', '{"__proto__":{"polluted":1},'), 'latin1');
    case 'mark': return Buffer.concat([Buffer.from('\ufeff'), changed]);
    case 'tail': return Buffer.concat([changed, Buffer.from('}{"a":1}')]);
    case 'packed': return enveloped && body.length >= 5 ? repacked(changed) : gzipSync(changed);
    case 'empty': return Buffer.alloc(0);
    case 'flags':
      if (enveloped && body.length > 0) changed[0] = place % 256;
      return changed;
    case 'length':
      if (enveloped && body.length >= 5) changed.writeUInt32BE([0, 1, 2 ** 31, 2 ** 32 - 1, body.length][place % 5]!, 1);
      return changed;
    default: return body;
  }
}

function repacked(body: Buffer): Buffer {
  const content = gzipSync(body.subarray(5));
  const head = Buffer.from([1, 0, 0, 0, 0]);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

/** The request with one thing done to its verb, path, query or to what it says of its body. */
export function damagedHead(request: FuzzRequest, { kind, place }: Harm): FuzzRequest {
  const { path, headers } = request;
  const split = 1 + Math.floor((place / 1000) * path.length);
  const withPath = (changed: string): FuzzRequest => ({ ...request, path: changed });
  const put = (text: string) => withPath(path.slice(0, split) + text + path.slice(split));
  switch (kind) {
    case 'percent': return put(['%', '%zz', '%ff', '%00', '%2F', '%c0%80', '%25'][place % 7]!);
    case 'dots': return put(['/..', '/../..', '/.', '/%2e%2e/'][place % 4]!);
    case 'slashes': return put(['//', '/', ';a=b', ':', '@'][place % 5]!);
    case 'long': return put('x'.repeat([300, 2500, 20_000][place % 3]!));
    case 'verb': return { ...request, verb: ['GET', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'POST', 'TRACE'][place % 8]! };
    case 'query': return withPath(`${path}${path.includes('?') ? '&' : '?'}${['a=b', '=', '&&&', 'a.b.c=1', 'page_size=1&pageSize=2', '__proto__.a=1', 'connect=v1&encoding=json&message=%7B%7D', 'a[b]=c', '%ff=1'][place % 9]}`);
    case 'doubled': return withPath(path.includes('?') ? `${path}&${path.slice(path.indexOf('?') + 1)}` : `${path}?${path}`);
    case 'packed': return { ...request, headers: { ...headers, ...(place % 2 === 0 ? { 'content-encoding': 'gzip' } : {}), 'grpc-encoding': 'gzip', 'connect-content-encoding': 'gzip' } };
    case 'not packed': return { ...request, headers: { ...headers, 'content-encoding': ['gzip', 'br', 'x'][place % 3]! } };
    default: return request;
  }
}
