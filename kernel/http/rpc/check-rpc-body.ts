import type { DescMessage, DescMethod, DescService, JsonReadOptions } from '@bufbuild/protobuf';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { codecOf } from '../../codec/codec-of.ts';
import { bodyLimitOf } from '../body-limit.ts';
import { shortenTimeouts } from '../call-timeout.ts';
import { httpErrors } from '../http-errors.ts';
import { messageLimit } from './message-limit.ts';
import { parseJson } from '../rest/json-text.ts';
import { isObject } from '../rest/request-field.ts';
import { messageFromJson } from '../rest/rest-request.ts';

/** How a body carries its message: bare, or behind five bytes of flags and length, as gRPC and Connect's streams have it. */
interface Framing {
  enveloped: boolean;
  json: boolean;
}

const framings: Record<string, Framing> = {
  'application/proto': { enveloped: false, json: false },
  'application/json': { enveloped: false, json: true },
  'application/connect+proto': { enveloped: true, json: false },
  'application/connect+json': { enveloped: true, json: true },
  'application/grpc': { enveloped: true, json: false },
  'application/grpc+proto': { enveloped: true, json: false },
  'application/grpc+json': { enveloped: true, json: true },
  'application/grpc-web': { enveloped: true, json: false },
  'application/grpc-web+proto': { enveloped: true, json: false },
  'application/grpc-web+json': { enveloped: true, json: true },
};
const headBytes = 5;

/**
 * Refuses a message that does not parse with `invalid_argument`, a reason and the fields that are wrong, as REST does.
 * Connect alone would call it an `internal` error, as if it were the server's. Covers methods that take one
 * message; what is compressed is left to Connect.
 */
export function checkRpcBodies(app: FastifyInstance, services: readonly DescService[], json: Partial<JsonReadOptions>, limitBytes: number): void {
  const methods = new Map<string, DescMessage>(services.flatMap((service) => service.methods.filter(takesOne).map((method) => [`/${service.typeName}/${method.name}`, method.input] as const)));
  app.addHook('preHandler', async (request) => {
    shortenTimeouts(request.raw.headers);
    const input = methods.get(request.url.split('?', 1)[0]!);
    const framing = framings[request.headers['content-type']?.split(';', 1)[0]!.trim().toLowerCase() ?? ''];
    const encoding = request.headers['content-encoding'];
    if (!input || !framing || request.method !== 'POST' || (encoding && encoding !== 'identity')) {
      // Connect would destroy a request that it does not read to its end, and leave the connection to nobody.
      if (request.raw.httpVersionMajor === 1 && request.method === 'POST') request.body = request.raw.iterator({ destroyOnReturn: false });
      return;
    }
    // Connect reads the body from here if there is one, and from the connection if not.
    request.body = checked(request, framing, { connectBytes: messageLimit(input, limitBytes), bytes: bodyLimitOf(request, input, limitBytes) }, (message) => check(input, message, framing, json));
  });
}

const takesOne = ({ methodKind }: DescMethod) => methodKind === 'unary' || methodKind === 'server_streaming';

async function* checked({ raw }: FastifyRequest, { enveloped }: Framing, { connectBytes, bytes }: { connectBytes: number; bytes: number }, check: (message: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  const held: Uint8Array[] = [];
  let size = 0;
  // Leaving early must not close the connection: the answer goes out on it.
  for await (const chunk of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (bytes < connectBytes && size > bytes + headBytes) throw httpErrors.BODY_TOO_LARGE({ limit: bytes });
    // What is too large is refused by Connect; there is no need to hold it.
    if (size > connectBytes + headBytes) yield* [...held.splice(0), chunk];
    else held.push(chunk);
  }
  if (held.length === 0) return;
  const whole = held.length === 1 ? held[0]! : Buffer.concat(held);
  const message = enveloped ? onlyMessage(whole) : whole;
  if (message) check(message);
  yield whole;
}

/** The message of the one envelope; nothing if it is compressed, or not whole, which Connect says itself. */
function onlyMessage(body: Uint8Array): Uint8Array | undefined {
  if (body.length < headBytes || body[0] !== 0) return undefined;
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  return body.length >= headBytes + length ? body.subarray(headBytes, headBytes + length) : undefined;
}

function check(input: DescMessage, message: Uint8Array, framing: Framing, options: Partial<JsonReadOptions>): void {
  if (framing.json) {
    const json = parseJson(message);
    if (!isObject(json)) throw httpErrors.MALFORMED_BODY({ problem: 'it must be an object' });
    messageFromJson(input, json, options, message.length);
    return;
  }
  try {
    codecOf(input).fromBinary(message);
  } catch (error) {
    throw httpErrors.MALFORMED_MESSAGE({ problem: (error as Error).message });
  }
}
