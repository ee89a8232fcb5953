import type { DescMessage, JsonObject, JsonReadOptions, JsonValue, Message } from '@bufbuild/protobuf';
import { codecOf } from '../../codec/codec-of.ts';
import { withViolations, type FieldViolation } from '../../errors/define-errors.ts';
import { kernelErrors } from '../../errors/kernel-errors.ts';
import type { HttpBinding } from './http-binding.ts';
import { httpErrors } from '../http-errors.ts';
import { jsonViolations } from './json-violations.ts';
import { parseJson } from './json-text.ts';
import { variableValue } from './path-template.ts';
import { parseQuery } from './query-parameters.ts';
import { isObject, nameOf, requestField, setValueAt, valueAt } from './request-field.ts';

/** A REST request as it came: the path's segments and the query still percent-encoded. */
export interface RestRequest {
  segments: readonly string[];
  query: string;
  body: Uint8Array;
}

/**
 * Builds the request message from path, query and body, as `google.api.http` maps them.
 * They become one ProtoJSON object, which the library converts and checks. Throws `kernel.INVALID_REQUEST` with every field that is wrong.
 */
export function requestMessage(binding: HttpBinding, request: RestRequest, options: Partial<JsonReadOptions>): Message {
  const json = bodyObject(binding, request.body);
  const violations: FieldViolation[] = [];
  if (request.query !== '') putQuery(json, binding, request.query, violations);
  if (binding.pathFields.length > 0) putPath(json, binding, request.segments, violations);
  if (violations.length > 0) throw invalid(violations);
  return messageFromJson(binding.method.input, json, options, request.body.length);
}

/** In a body larger than this, only the first thing that is wrong is named: finding all takes several passes. */
const thoroughUpToBytes = 256 * 1024;

/** Converts ProtoJSON from outside, of that many bytes; throws `kernel.INVALID_REQUEST` with every field that is wrong. */
export function messageFromJson(schema: DescMessage, json: JsonObject, options: Partial<JsonReadOptions>, bytes: number): Message {
  try {
    return codecOf(schema).fromJson(json, options);
  } catch (error) {
    const violations = bytes <= thoroughUpToBytes ? jsonViolations(schema, json, options) : [];
    const whole = (error as Error).message.replace(/^cannot decode (message|field) \S+ from JSON: /, '');
    throw violations.length > 0 ? invalid(violations) : kernelErrors.INVALID_REQUEST({ summary: whole });
  }
}

function bodyObject({ body: field, httpMethod, template }: HttpBinding, body: Uint8Array): JsonObject {
  if (body.length === 0) return {};
  if (!field) throw httpErrors.BODY_NOT_EXPECTED({ method: httpMethod, path: template.source });
  const json = parseJson(body);
  if (field !== '*') return { [field.jsonName]: json };
  if (!isObject(json)) throw httpErrors.MALFORMED_BODY({ problem: 'it must be an object' });
  return json;
}

function putQuery(json: JsonObject, { method, body, pathFields }: HttpBinding, query: string, violations: FieldViolation[]): void {
  const seen = new Set<string>();
  const elsewhere = new Set(pathFields.map(({ path }) => nameOf(path)));
  for (const [name, text] of parseQuery(query)) {
    const field = body === '*' ? undefined : requestField(method.input, name);
    const fullName = field ? nameOf(field.path) : name;
    if (!field || elsewhere.has(fullName) || field.path[0] === body) {
      violations.push({ field: name, description: 'there is no such query parameter', reason: 'unknown_field' });
    } else if (text.includes('\0')) {
      violations.push({ field: fullName, description: 'holds the character U+0000, which cannot be stored', reason: 'nul' });
    } else if (field.repeated) {
      const items = (valueAt(json, field.path) ?? []) as JsonValue[];
      items.push(field.toJson(text));
      setValueAt(json, field.path, items);
    } else if (seen.has(fullName)) {
      violations.push({ field: fullName, description: 'is given more than once', reason: 'repeated_field' });
    } else {
      setValueAt(json, field.path, field.toJson(text));
    }
    seen.add(fullName);
  }
}

function putPath(json: JsonObject, { template, pathFields }: HttpBinding, segments: readonly string[], violations: FieldViolation[]): void {
  for (const [index, variable] of template.variables.entries()) {
    const field = pathFields[index]!;
    const text = variableValue(variable, segments);
    const value = field.toJson(text);
    const inBody = valueAt(json, field.path) ?? null;
    if (text.includes('\0')) violations.push({ field: nameOf(field.path), description: 'holds the character U+0000, which cannot be stored', reason: 'nul' });
    else if (inBody !== null && inBody !== '' && String(inBody) !== String(value)) violations.push({ field: nameOf(field.path), description: `is ${JSON.stringify(value)} in the path, but ${JSON.stringify(inBody)} in the body`, reason: 'conflict' });
    else setValueAt(json, field.path, value);
  }
}

function invalid(violations: FieldViolation[]) {
  const summary = violations.map(({ field, description }) => `${field}: ${description}`).join('; ');
  return withViolations(kernelErrors.INVALID_REQUEST({ summary }), violations);
}
