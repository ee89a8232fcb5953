import { getOption, hasOption, type DescField, type DescMethod } from '@bufbuild/protobuf';
import { http } from '@mainstay/kernel/contract/google/api/annotations_pb.js';
import type { HttpRule } from '@mainstay/kernel/contract/google/api/http_pb.js';
import { parsePathTemplate, type PathTemplate } from './path-template.ts';
import { holdsContent } from './http-body.ts';
import { fieldNamed, requestField, type RequestField } from './request-field.ts';

/** One way to call a method by REST, from its `google.api.http` rule. */
export interface HttpBinding {
  method: DescMethod;
  /** The HTTP method, or `*` for any. */
  httpMethod: string;
  template: PathTemplate;
  /** What each of the template's variables fills. */
  pathFields: readonly RequestField[];
  /** The request field that the body holds; `*` is the whole request; absent means that no body is taken. */
  body?: DescField | '*';
  /** The response field that the answer consists of; absent means the whole response. */
  responseBody?: DescField;
}

/** The REST bindings of a method, additional ones included. Throws an `Error` naming the method for a rule that cannot work. */
export function httpBindings(method: DescMethod): HttpBinding[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  try {
    return [rule, ...rule.additionalBindings].map((each) => servable(binding(method, each)));
  } catch (error) {
    throw new Error(`${method.parent.typeName}/${method.name}: ${(error as Error).message}`, { cause: error });
  }
}

function binding(method: DescMethod, { pattern, body, responseBody }: HttpRule): HttpBinding {
  if (!pattern.case) throw new Error('its google.api.http rule has no path');
  const [httpMethod, path] = pattern.case === 'custom' ? [pattern.value.kind.toUpperCase(), pattern.value.path] : [pattern.case.toUpperCase(), pattern.value];
  const template = parsePathTemplate(path);
  const pathFields = template.variables.map(({ field }) => {
    const found = requestField(method.input, field);
    if (!found || found.repeated) throw new Error(`the path variable ${field} is not a single scalar field of ${method.input.typeName}`);
    return found;
  });
  if (body && httpMethod === 'GET') throw new Error('GET takes no body');
  return {
    method, httpMethod, template, pathFields,
    ...(body && { body: body === '*' ? ('*' as const) : topField(method.input, body) }),
    ...(responseBody && { responseBody: topField(method.output, responseBody) }),
  };
}

function servable(made: HttpBinding): HttpBinding {
  const { methodKind } = made.method;
  if (methodKind === 'bidi_streaming' || (methodKind === 'client_streaming' && !holdsContent(made.body))) throw new Error('a method that takes a stream has a REST form only if its body is a google.api.HttpBody');
  return made;
}

function topField(message: DescMethod['input'], name: string): DescField {
  const field = fieldNamed(message, name);
  if (!field) throw new Error(`${message.typeName} has no field ${name}`);
  return field;
}
