import { attributeNamed, type Json, type ResourceSchema } from './attribute.ts';
import { isObject, readValue } from './read-value.ts';
import { scimErrors } from './scim-errors.ts';

/** Reads the JSON of a request. Throws `invalidSyntax` for what is none, or is not said to be of the schema. */
export function readBody(body: Uint8Array, schemaId: string): Json {
  const given = parsed(body);
  if (!isObject(given)) throw scimErrors.invalidSyntax('the body is a JSON object');
  const schemas = Object.entries(given).find(([name]) => name.toLowerCase() === 'schemas')?.[1];
  if (!Array.isArray(schemas) || !schemas.some((id) => typeof id === 'string' && id.toLowerCase() === schemaId.toLowerCase())) throw scimErrors.invalidSyntax(`schemas has to name ${schemaId}`);
  return given;
}

/**
 * Reads a resource as a directory sent it. What only the server says is left alone, and so are attributes that the standard or an
 * extension has and that are not kept here. Throws `invalidSyntax` for others, and `invalidValue`.
 */
export function readResource(given: Json, schema: ResourceSchema): Json {
  const read: [string, unknown][] = [];
  for (const [key, value] of Object.entries(given)) {
    const attribute = attributeNamed(schema.attributes, key);
    if (!attribute && !isKnownElsewhere(key, schema)) throw scimErrors.invalidSyntax(`there is no attribute ${key.slice(0, 60)}`);
    const one = attribute && attribute.mutability !== 'readOnly' ? readValue(attribute, value) : undefined;
    if (one !== undefined) read.push([attribute!.name, one]);
  }
  return required(Object.fromEntries(read), schema);
}

/** Throws `invalidValue` if a resource lacks what it must have, or prefers several values of one attribute. */
export function required(resource: Json, { attributes }: ResourceSchema): Json {
  for (const { name, required: must, multiValued } of attributes) {
    if (must && (typeof resource[name] !== 'string' || resource[name].trim() === '')) throw scimErrors.invalidValue(`${name} is required`);
    if (multiValued && ((resource[name] as Json[] | undefined) ?? []).filter(({ primary }) => primary === true).length > 1) throw scimErrors.invalidValue(`one of ${name} can be primary`);
  }
  return resource;
}

/** Extensions are named by URNs. */
export const isKnownElsewhere = (key: string, { ignored }: ResourceSchema): boolean => /^(schemas$|urn:)/i.test(key) || ignored.some((name) => name.toLowerCase() === key.toLowerCase());

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw scimErrors.invalidSyntax('the body is not JSON');
  }
}
