import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { httpBindings } from '../rest/http-binding.ts';
import { isWeb } from '../rest/web-method.ts';
import { openApiOperation } from './openapi-operation.ts';
import { openApiPath, shapeOf } from './openapi-path.ts';
import type { Schema } from './openapi-rules.ts';
import { SchemaCollection, type Comments } from './openapi-schema.ts';

/**
 * The OpenAPI 3.1 document of everything that the services offer by REST: paths, parameters and bodies with their
 * rules, who may call (`x-mainstay-access`), whether it writes (`x-mainstay-kind`), and the problems. `serves` leaves methods out, and what speaks a protocol of others is left out in any case.
 */
export function openApiDocument(services: readonly DescService[], info: { title: string; version: string }, comments: Comments, serves: (method: DescMethod) => boolean = () => true): Schema {
  const schemas = new SchemaCollection(comments);
  schemas.schemas.Problem = problemSchema;
  const isDescribed = (method: DescMethod) => !isWeb(method) && serves(method);
  const paths: Record<string, Schema> = {};
  const named = new Map<string, string>();
  for (const method of services.flatMap(({ methods }) => methods).filter(isDescribed)) {
    httpBindings(method).forEach((binding, number) => {
      const own = openApiPath(binding.template);
      const path = renamed(own, named.get(shapeOf(own.path)) ?? own.path);
      named.set(shapeOf(path.path), path.path);
      (paths[path.path] ??= {})[binding.httpMethod.toLowerCase()] = openApiOperation(binding, number, path, schemas, comments);
    });
  }
  const withRest = services.filter(({ methods }) => methods.some((method) => isDescribed(method) && httpBindings(method).length > 0));
  return {
    openapi: '3.1.0',
    info: { ...info, description: 'Fields are named as in JSON; query parameters may also be written as in the contracts, with underscores. Every answer that is not a success is a problem document (RFC 9457). Calls with a lock need an access token or an API key: `Authorize` takes it.' },
    tags: withRest.map(({ name, typeName }) => ({ name, description: comments[typeName] ?? typeName })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas.schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'An access token, as signing in gives it (`accessToken`), or an API key.' } },
      parameters: { IdempotencyKey: { name: 'Idempotency-Key', in: 'header', description: 'Names this command, so that a repeat can be recognised.', schema: { type: 'string', maxLength: 200 } } },
      responses: { Problem: { description: 'What went wrong', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } } },
    },
  };
}

/** Gives a path the parameter names that an equal path has already. */
function renamed(own: ReturnType<typeof openApiPath>, path: string): ReturnType<typeof openApiPath> {
  const names = [...path.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name!);
  return { path, parameters: own.parameters.map((parameter, index) => ({ ...parameter, name: names[index]! })) };
}

const problemSchema: Schema = {
  type: 'object',
  description: 'An error, as RFC 9457 writes it.',
  properties: {
    type: { type: 'string', examples: ['urn:mainstay:problem:not-found'] },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string', description: 'The path that was called.' },
    reason: { type: 'string', description: 'The stable name of the error.', examples: ['mod-promist.PROMISE_NOT_FOUND'] },
    traceId: { type: 'string', description: 'What to quote when an internal error is reported.' },
    errors: {
      type: 'array',
      description: 'The fields that are wrong.',
      items: { type: 'object', properties: { field: { type: 'string' }, detail: { type: 'string' }, reason: { type: 'string' } }, required: ['field', 'detail'] },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'reason'],
};
