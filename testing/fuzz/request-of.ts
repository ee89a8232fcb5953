import { getOption, type DescMessage, type DescMethod } from '@bufbuild/protobuf';
import { http } from '@mainstay/kernel/contract/google/api/annotations_pb.js';
import type { FuzzCase, Wire } from './any-case.ts';
import type { Tree } from './any-tree.ts';
import { binaryOf } from './binary-of.ts';
import { damagedBody, damagedHead, type FuzzRequest } from './damaged-request.ts';
import { bytesOf, jsonOf } from './hostile-values.ts';

type HttpWire = Exclude<Wire, 'socket'>;

const contentTypes: Record<HttpWire, [unary: string, stream: string]> = {
  rest: ['application/json', 'application/json'],
  'connect-json': ['application/json', 'application/connect+json'],
  'connect-proto': ['application/proto', 'application/connect+proto'],
  'grpc-web': ['application/grpc-web+proto', 'application/grpc-web+proto'],
  grpc: ['application/grpc', 'application/grpc'],
};

const never = '99999999H';

/** Longer parts of an address are refused before anything reads them. */
const longestPart = 3000;

/** Writes a case as its wire has it. Streams and pauses get a deadline, which may end them. */
export function requestOf(method: DescMethod, { wire: any, tree, headers, damage }: FuzzCase, authorization: string | undefined): FuzzRequest {
  const wire = any as HttpWire;
  const plain = wire === 'rest' ? ofRest(method, tree, damage?.place ?? 0) : ofRpc(method, tree, wire);
  const deadline = deadlineOf(method, wire.startsWith('grpc'));
  // With a deadline that never comes a stream would rightly stay silent until the fuzzing gives it up.
  const ending = deadline['grpc-timeout'] !== undefined && headers['grpc-timeout'] === never ? deadline : undefined;
  const all = { ...plain.headers, ...deadline, ...(authorization && { authorization }), ...(wire === 'grpc' && { te: 'trailers' }), ...headers, ...ending };
  const request = { ...plain, headers: all };
  if (!damage) return request;
  return damagedHead({ ...request, body: request.body && damagedBody(request.body, damage, wire !== 'rest' && contentType(method, wire) !== 'application/json') }, damage);
}

/** The deadline of a call that may stay silent for as long as its request wants, or whose stream may not end. */
export function deadlineOf(method: DescMethod, byGrpc = false): Record<string, string> {
  const isSilent = method.name.startsWith('Watch') || method.input.fields.some(({ name }) => name === 'delay_ms');
  const milliseconds = isSilent ? 150 : method.methodKind === 'unary' ? undefined : 5000;
  if (milliseconds === undefined) return {};
  return byGrpc ? { 'grpc-timeout': `${milliseconds}m` } : { 'connect-timeout-ms': `${milliseconds}` };
}

const contentType = (method: DescMethod, wire: HttpWire): string => contentTypes[wire][method.methodKind === 'unary' ? 0 : 1];

function ofRpc(method: DescMethod, tree: Tree, wire: HttpWire): FuzzRequest {
  const type = contentType(method, wire);
  const message = wire === 'connect-json' ? jsonOf(tree) : binaryOf(method.input, tree);
  const enveloped = type !== 'application/json' && type !== 'application/proto';
  const messages = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming' ? [message, message] : [message];
  const body = enveloped ? Buffer.concat(messages.flatMap((each) => [envelope(each.length), each])) : message;
  return { verb: 'POST', path: `/${method.parent.typeName}/${method.name}`, headers: { 'content-type': type }, body };
}

function envelope(length: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return head;
}

function ofRest(method: DescMethod, given: Tree, choice: number): FuzzRequest {
  const rule = getOption(method, http);
  const rules = [rule, ...rule.additionalBindings];
  const { pattern, body } = rules[choice % rules.length]!;
  const verb = pattern.case === 'custom' ? pattern.value.kind : pattern.case!.toUpperCase();
  const tree = structuredClone(given);
  const template = pattern.case === 'custom' ? pattern.value.path : (pattern.value as string);
  const path = template.replace(/\{([\w.]+)(?:=([^}]*))?\}/g, (_, name: string, form = '*') => inPath(taken(tree, method.input, name.split('.')), form as string));
  if (body === '*') return { verb, path, headers: { 'content-type': 'application/json' }, body: jsonOf(tree) };
  const field = method.input.fields.find(({ name }) => name === body);
  const content = field && taken(tree, method.input, [field.name]);
  const query = parametersOf(tree).join('&');
  const address = query ? `${path}?${query}` : path;
  if (!field) return { verb, path: address, headers: {}, body: undefined };
  if (field.message?.typeName === 'google.api.HttpBody') return { verb, path: address, headers: { 'content-type': 'text/plain' }, body: jsonOf(content) };
  return { verb, path: address, headers: { 'content-type': 'application/json' }, body: jsonOf(content ?? {}) };
}

/** The value of a dotted path, under either name of each field, which leaves the tree. */
function taken(tree: Tree, schema: DescMessage, [name, ...rest]: string[]): unknown {
  const field = schema.fields.find((each) => each.name === name)!;
  const key = Object.hasOwn(tree, field.jsonName) ? field.jsonName : field.name;
  const value = tree[key];
  if (rest.length > 0) return typeof value === 'object' && value !== null && field.message ? taken(value as Tree, field.message, rest) : undefined;
  delete tree[key];
  return value;
}

function inPath(value: unknown, form: string): string {
  const text = textOf(value ?? form.replaceAll('*', 'x')).slice(0, longestPart);
  return form.includes('/') ? text.split('/').map(percent).join('/') : percent(text) || '-';
}

function parametersOf(tree: Tree, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([name, value]) => {
    const path = `${prefix}${percent(name)}`;
    if (Array.isArray(value)) return value.slice(0, 100).map((item) => `${path}=${percent(textOf(item).slice(0, 100))}`);
    if (typeof value === 'object' && value !== null) return parametersOf(value as Tree, `${path}.`);
    return [`${path}=${percent(textOf(value).slice(0, longestPart))}`];
  });
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

const percent = (text: string): string => (/^[\w.~-]*$/.test(text) ? text : [...bytesOf(text)].map((byte) => (/[\w.~-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`)).join(''));
