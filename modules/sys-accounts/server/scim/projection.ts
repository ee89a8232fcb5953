import type { AttributePath, Json, ResourceSchema } from './attribute.ts';
import { ignored, parsePath } from './parse-filter.ts';
import { scimErrors } from './scim-errors.ts';

/** Which attributes an answer has. */
export interface Projection {
  /** Leaves the rest out of a resource. */
  (resource: Json): Json;
  /** Whether an attribute would be left, so that what is not need not be read. */
  has(attribute: string): boolean;
}

/** Reads which attributes are wanted, or not (RFC 7644 §3.9). Those that are not kept are left out anyway. */
export function projectionOf(attributes: readonly string[], excluded: readonly string[], schema: ResourceSchema): Projection {
  if (attributes.length > 0 && excluded.length > 0) throw scimErrors.invalidValue('attributes and excludedAttributes exclude each other');
  const named = [...attributes, ...excluded].filter((text) => !/^\s*schemas\s*$/i.test(text)).map((text) => parsePath(text.trim(), schema, scimErrors.invalidPath)).filter((path) => path !== ignored);
  if (named.some(({ filter }) => filter)) throw scimErrors.invalidPath('attributes are named without filters');
  const only = attributes.length > 0;
  const always = (name: string) => name === 'schemas' || name === 'id';
  const has = (name: string) => always(name) || (only ? named.some(({ attribute }) => attribute.name === name) : !named.some(({ attribute, sub }) => attribute.name === name && !sub));
  const project = (resource: Json): Json => Object.fromEntries(Object.entries(resource).filter(([name]) => has(name)).map(([name, value]) => [name, always(name) ? value : partsOf(value, named.filter(({ attribute }) => attribute.name === name), only)]));
  return Object.assign(project, { has });
}

/** Of a value with parts those that are wanted. */
function partsOf(value: unknown, named: readonly AttributePath[], only: boolean): unknown {
  if (named.length === 0 || named.some(({ sub }) => !sub)) return value;
  const names = new Set(named.map(({ sub }) => sub!.name));
  const cut = (whole: unknown) => Object.fromEntries(Object.entries(whole as Json).filter(([name]) => names.has(name) === only));
  return Array.isArray(value) ? value.map(cut) : cut(value);
}

/** The names in a list with commas. */
export const namesIn = (text: string | null): string[] => (text ? text.split(',').filter((name) => name.trim() !== '') : []);
