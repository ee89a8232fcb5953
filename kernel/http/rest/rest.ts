import { toJson, type DescMethod, type DescMethodStreaming, type DescMethodUnary, type DescService, type JsonObject, type JsonReadOptions, type JsonValue, type JsonWriteOptions, type Message } from '@bufbuild/protobuf';
import type { StreamResponse, Transport } from '@connectrpc/connect';
import type { WebResponse } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { bodyLimitOf } from '../body-limit.ts';
import { liftBodyLimit } from '../body-time-limit.ts';
import { useWordsOf } from '../error-words.ts';
import { callTimeout } from '../call-timeout.ts';
import { callHeaders, endToEndHeaders } from '../forwarded-headers.ts';
import type { GatewayDoor } from '../gateway-door.ts';
import { httpBindings, type HttpBinding } from './http-binding.ts';
import { givesContent, takesContent } from './http-body.ts';
import { httpErrors } from '../http-errors.ts';
import { peerValues } from '../peer.ts';
import { receiveContent } from './receive-content.ts';
import { requestMessage } from './rest-request.ts';
import { sendStream } from './rest-stream.ts';
import { sendContent } from './send-content.ts';
import { isWeb } from './web-method.ts';
import { sendWeb, webBodyBytes, webRequest } from './web-request.ts';
import { RouteTable } from './route-table.ts';
import { nameVersion } from './name-version.ts';
import { codecOf } from '../../codec/codec-of.ts';
import { LeavingCaller } from '../../placement/caller-leaving.ts';
import { headerIfAny } from '../../placement/in-process-transport.ts';
import { oneMessage } from '../../placement/one-message.ts';

export interface RestOptions {
  services: readonly DescService[];
  /** Every call goes through it, with the request's headers. */
  transport: Transport;
  json: Partial<JsonReadOptions & JsonWriteOptions>;
  bodyLimitBytes: number;
  /** Ends the streams when the server stops. */
  stopping: AbortSignal;
  /** Every call passes it before its body is read. */
  door?: GatewayDoor | undefined;
}

interface Matched {
  binding: HttpBinding;
  segments: readonly string[];
}

const matchedKey = Symbol('the REST binding of a request');
type RestHttpRequest = FastifyRequest & { [matchedKey]?: Matched };

/**
 * Serves every method that has a `google.api.http` rule as REST, at all paths that nothing else serves
 * (AIP-127; JSON as ProtoJSON writes it, with fields at their defaults included).
 */
export async function restRoutes(app: FastifyInstance, options: RestOptions): Promise<void> {
  const table = restTable(options.services);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: options.bodyLimitBytes }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', (request: RestHttpRequest, reply, done) => {
    const matched = (request[matchedKey] = matchRequest(table, request, reply));
    const begin = () => (takesContent(matched.binding) ? answerContent(request, reply, matched, options) : undefined);
    const admitted = options.door?.admit(request, reply, matched.binding.method);
    const begun = admitted ? admitted.then(begin) : begin();
    if (begun) return begun;
    done();
  });
  app.route({ method: app.supportedMethods as 'GET'[], url: '/*', handler: (request, reply) => answer(request, reply, options) });
}

function restTable(services: readonly DescService[]): RouteTable<HttpBinding> {
  const table = new RouteTable<HttpBinding>();
  for (const binding of services.flatMap(({ methods }) => methods).flatMap(httpBindings)) table.add(binding.httpMethod, binding.template, binding);
  return table;
}

/** Runs before the body is read, so that a request that leads nowhere costs nothing. */
function matchRequest(table: RouteTable<HttpBinding>, request: FastifyRequest, reply: FastifyReply): Matched {
  const path = request.url.split('?', 1)[0]!;
  const match = find(table, path);
  if (!match) throw httpErrors.NO_SUCH_PATH({ path });
  // Those of one path are of one protocol.
  useWordsOf(request, [...match.methods.values()][0]!.method);
  const binding = match.methods.get(request.method) ?? match.methods.get('*') ?? (request.method === 'HEAD' ? match.methods.get('GET') : undefined);
  if (!binding) {
    const allowed = [...match.methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
    reply.header('allow', allowed);
    throw httpErrors.METHOD_NOT_ALLOWED({ method: request.method, allowed });
  }
  if (binding.body && !takesContent(binding)) checkMediaType(request);
  return { binding, segments: match.segments };
}

function find(table: RouteTable<HttpBinding>, path: string) {
  try {
    return table.find(path);
  } catch {
    throw httpErrors.MALFORMED_PATH({ what: 'the path' });
  }
}

function checkMediaType({ headers }: FastifyRequest): void {
  const { 'content-type': type, 'content-encoding': encoding } = headers;
  if (type === 'application/json' && encoding === undefined) return;
  if (encoding !== undefined && encoding !== 'identity') throw httpErrors.UNSUPPORTED_MEDIA_TYPE({ expected: 'the body without content-encoding', got: encoding });
  if (type === undefined && (headers['content-length'] ?? '0') === '0' && headers['transfer-encoding'] === undefined) return;
  if (!/^application\/([\w.-]+\+)?json\s*(;\s*charset="?utf-?8"?)?\s*$/i.test(type ?? '')) throw httpErrors.UNSUPPORTED_MEDIA_TYPE({ expected: 'application/json', got: type ?? 'a body without content-type' });
}

async function answer(request: RestHttpRequest, reply: FastifyReply, options: RestOptions): Promise<FastifyReply> {
  const { binding, segments } = request[matchedKey]!;
  liftBodyLimit(request.raw);
  const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?') + 1) : '';
  const body = (request.body as Buffer | undefined) ?? new Uint8Array();
  const limit = bodyLimitOf(request, binding.method.input, isWeb(binding.method) ? webBodyBytes : options.bodyLimitBytes);
  if (body.length > limit) throw httpErrors.BODY_TOO_LARGE({ limit });
  const message = isWeb(binding.method) ? webRequest(request) : requestMessage(binding, { segments, query, body }, options.json);
  return binding.method.methodKind === 'unary' ? answerOnce(request, reply, binding, message, options) : answerStream(request, reply, binding, message, options);
}

const jsonType = 'application/json; charset=utf-8';

async function answerOnce(request: FastifyRequest, reply: FastifyReply, binding: HttpBinding, message: Message, { transport, json }: RestOptions): Promise<FastifyReply> {
  const { method } = binding;
  const caller = new LeavingCaller();
  onceGone(reply, () => caller.leave());
  const response = await transport.unary(method as DescMethodUnary, caller.signal, callTimeout(request.headers), callHeaders(request.headers, method), message as never, peerValues(request));
  const header = headerIfAny(response);
  if (header) reply.headers(endToEndHeaders(header));
  if (isWeb(method)) return sendWeb(reply, response.message as WebResponse);
  if (nameVersion(request, reply, method, response.message)) return reply.code(304).send();
  return reply.type(jsonType).send(responseText(binding, response.message, json));
}

function answerStream(request: FastifyRequest, reply: FastifyReply, binding: HttpBinding, message: Message, options: RestOptions): Promise<FastifyReply> {
  const { method } = binding;
  const [timeout, header, values] = [callTimeout(request.headers), callHeaders(request.headers), peerValues(request)];
  const left = new AbortController();
  onceGone(reply, () => left.abort());
  if (givesContent(method)) return sendContent(reply, left, (signal) => options.transport.stream(method as DescMethodStreaming, AbortSignal.any([signal, options.stopping]), timeout, header, oneMessage(message) as never, values));
  const signal = AbortSignal.any([left.signal, options.stopping]);
  return sendStream(reply, streamedJson(binding, reply, () => options.transport.stream(method as DescMethodStreaming, signal, timeout, header, oneMessage(message) as never, values), options.json));
}

function onceGone(reply: FastifyReply, leave: () => void): void {
  reply.raw.once('close', () => {
    if (!reply.raw.writableEnded) leave();
  });
}

/** Before the framework reads the body: the method does. */
async function answerContent(request: FastifyRequest, reply: FastifyReply, { binding, segments }: Matched, options: RestOptions): Promise<FastifyReply> {
  const { message, header } = await receiveContent(request, reply, binding, segments, options.transport, options.json);
  return reply.headers(endToEndHeaders(header)).type(jsonType).send(responseText(binding, message, options.json));
}

async function* streamedJson(binding: HttpBinding, reply: FastifyReply, open: () => Promise<StreamResponse>, json: RestOptions['json']): AsyncGenerator<JsonValue> {
  const response = await open();
  // A stream that began in silence has its headers out already.
  if (!reply.sent) reply.headers(endToEndHeaders(response.header));
  for await (const message of response.message) yield responseJson(binding, message as Message, json);
}

function responseText(binding: HttpBinding, message: Message, json: RestOptions['json']): string {
  return binding.responseBody ? JSON.stringify(responseJson(binding, message, json)) : codecOf(binding.method.output).toJsonText(message, json);
}

function responseJson({ method, responseBody }: HttpBinding, message: Message, json: RestOptions['json']): JsonValue {
  const whole = toJson(method.output as DescMethod['output'], message as never, json);
  return responseBody ? ((whole as JsonObject)[responseBody.jsonName] ?? null) : whole;
}
