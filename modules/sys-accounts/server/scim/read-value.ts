import { attributeNamed, type Attribute, type Json } from './attribute.ts';
import { scimErrors } from './scim-errors.ts';

const longestText = 500;
const usualValues = 50;

/**
 * Reads the value of an attribute as a directory sent it: names with the letters of the schema, and without what has no value
 * (RFC 7643 §2.5). Undefined if nothing is left. Throws `invalidValue`.
 */
export function readValue(attribute: Attribute, given: unknown): unknown {
  if (!attribute.multiValued) return readOne(attribute, given, attribute.name);
  if (isNothing(given)) return undefined;
  const values = [given].flat().map((one) => readOne(attribute, one, attribute.name)).filter((value) => value !== undefined);
  const most = attribute.mostValues ?? usualValues;
  if (values.length > most) throw scimErrors.invalidValue(`${attribute.name} has more than ${most} values`);
  return values.length > 0 ? values : undefined;
}

/** The same for one of several values. */
export function readOne(attribute: Attribute, given: unknown, name: string): unknown {
  if (isNothing(given)) return undefined;
  switch (attribute.type) {
    case 'complex': return readParts(attribute, given, name);
    case 'boolean': return readBoolean(given, name);
    default: return readText(given, name);
  }
}

function readParts({ subAttributes = [] }: Attribute, given: unknown, name: string): Json | undefined {
  if (!isObject(given)) throw scimErrors.invalidValue(`${name} has parts: send an object`);
  const parts: [string, unknown][] = [];
  for (const [key, value] of Object.entries(given)) {
    const part = attributeNamed(subAttributes, key);
    const read = part && part.mutability !== 'readOnly' ? readOne(part, value, `${name}.${part.name}`) : undefined;
    if (read !== undefined) parts.push([part!.name, read]);
  }
  return parts.length > 0 ? Object.fromEntries(parts) : undefined;
}

/** Some directories send the words. */
function readBoolean(given: unknown, name: string): boolean {
  const value = typeof given === 'string' ? { true: true, false: false }[given.toLowerCase()] : given;
  if (typeof value !== 'boolean') throw scimErrors.invalidValue(`${name} is true or false`);
  return value;
}

function readText(given: unknown, name: string): string {
  if (typeof given !== 'string') throw scimErrors.invalidValue(`${name} is a text`);
  if (given.length > longestText) throw scimErrors.invalidValue(`${name} is longer than ${longestText} characters`);
  // PostgreSQL keeps neither of them in a text.
  if (given.includes('\0') || !given.isWellFormed()) throw scimErrors.invalidValue(`${name} has a character that is not valid`);
  return given;
}

const isNothing = (given: unknown): boolean => given === undefined || given === null || given === '' || (Array.isArray(given) && given.length === 0);

/** Whether something is a JSON object. */
export const isObject = (given: unknown): given is Json => typeof given === 'object' && given !== null && !Array.isArray(given);
