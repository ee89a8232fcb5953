import { getOption, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { access, kind, Kind } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import type { HttpBinding } from '../rest/http-binding.ts';
import { givesContent, takesContent } from '../rest/http-body.ts';
import type { OpenApiPath } from './openapi-path.ts';
import type { Schema } from './openapi-rules.ts';
import type { Comments, SchemaCollection } from './openapi-schema.ts';
import { isWrittenAsScalar } from '../rest/request-field.ts';

/** One operation of the OpenAPI document: a REST binding of a method. `number` tells a method's bindings apart, from 0. */
export function openApiOperation(binding: HttpBinding, number: number, path: OpenApiPath, schemas: SchemaCollection, comments: Comments): Schema {
  const { method } = binding;
  const description = comments[`${method.parent.typeName}.${method.name}`];
  const rule = getOption(method, access).rule;
  const isCommand = getOption(method, kind) === Kind.COMMAND;
  return {
    operationId: `${method.parent.name}_${method.name}${number > 0 ? `_${number + 1}` : ''}`,
    tags: [method.parent.name],
    ...(description && { summary: summaryOf(description), description }),
    'x-mainstay-access': rule.case === 'permission' ? { permission: rule.value } : { [rule.case ?? 'unset']: true },
    'x-mainstay-kind': isCommand ? 'command' : 'query',
    security: rule.case === 'public' ? [] : [{ bearer: [] }],
    parameters: [...pathParameters(binding, path, schemas), ...queryParameters(binding, schemas), ...(isCommand ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : [])],
    ...(binding.body && { requestBody: { required: true, content: requestContent(binding, binding.body, schemas) } }),
    responses: {
      200: { description: 'OK', content: responseContent(binding, schemas) },
      400: problem,
      ...(rule.case !== 'public' && { 401: problem, 403: problem }),
      default: problem,
    },
  };
}

/** The first sentence, without the marks of code: a summary is plain text, a description is CommonMark. */
const summaryOf = (description: string): string => (/^.*?[.!?](?=\s|$)/s.exec(description)?.[0].replace(/\.$/, '') ?? description).replaceAll('`', '');

const problem = { $ref: '#/components/responses/Problem' };

function pathParameters({ pathFields, template }: HttpBinding, { parameters }: OpenApiPath, schemas: SchemaCollection): Schema[] {
  return parameters.map(({ name, field, rest }) => {
    const target = pathFields[template.variables.findIndex((variable) => variable.field === field)]?.path.at(-1);
    const whole = target && name === target.name;
    return { name, in: 'path', required: true, ...(target && schemas.comment(target)), schema: whole ? withoutDescription(schemas.field(target)) : { type: 'string' }, ...(rest && { 'x-mainstay-holds-slashes': true }) };
  });
}

/** Every field that neither path nor body fills; those of inner messages with a dotted name. */
function queryParameters({ method, body, pathFields }: HttpBinding, schemas: SchemaCollection): Schema[] {
  if (body === '*') return [];
  const taken = new Set<DescField>(pathFields.map(({ path }) => path.at(-1)!));
  const parameters: Schema[] = [];
  const visit = (message: DescMessage, prefix: string, within: readonly DescMessage[]) => {
    for (const field of message.fields) {
      if (taken.has(field) || field === body || field.fieldKind === 'map') continue;
      const inner = field.message && !isWrittenAsScalar(field.message) ? field.message : undefined;
      if (!inner) parameters.push({ name: prefix + field.jsonName, in: 'query', ...schemas.comment(field), schema: withoutDescription(schemas.field(field)) });
      else if (field.fieldKind === 'message' && !within.includes(inner) && !inner.typeName.startsWith('google.protobuf.')) visit(inner, `${prefix}${field.jsonName}.`, [...within, inner]);
    }
  };
  visit(method.input, '', [method.input]);
  return parameters;
}

function requestContent(binding: HttpBinding, body: DescField | '*', schemas: SchemaCollection): Schema {
  return takesContent(binding) ? binary : { 'application/json': { schema: bodySchema(binding, body, schemas) } };
}

/** Bytes as they are, as OpenAPI 3.1 describes them: by their type alone. */
const binary: Schema = { '*/*': {} };

function bodySchema({ method, pathFields }: HttpBinding, body: DescField | '*', schemas: SchemaCollection): Schema {
  if (body !== '*') return withoutDescription(schemas.field(body));
  const inPath = pathFields.filter(({ path }) => path.length === 1).map(({ path }) => path[0]!);
  return inPath.length > 0 ? schemas.object(method.input, inPath) : schemas.message(method.input);
}

function responseContent({ method, responseBody }: HttpBinding, schemas: SchemaCollection): Schema {
  if (givesContent(method)) return binary;
  const schema = responseBody ? schemas.field(responseBody) : schemas.message(method.output);
  if (method.methodKind === 'unary') return { 'application/json': { schema } };
  const line = { type: 'object', description: 'One line of the stream; an `error` is the last.', properties: { result: schema, error: { $ref: '#/components/schemas/Problem' } } };
  return { 'application/x-ndjson': { schema: line }, 'text/event-stream': { schema: { type: 'string', description: 'Each event holds one message; `problem` and `end` events end the stream.' } } };
}

const withoutDescription = ({ description: _, ...schema }: Schema): Schema => schema;
