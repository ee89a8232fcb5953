import type { AttributePath, Json } from './attribute.ts';
import { leafOf, type Comparison } from './comparison.ts';
import type { Filter } from './filter.ts';

/** Whether a resource, or one of several values of an attribute, fits a filter: as the filter's SQL says it of rows. */
export function fits(filter: Filter, resource: Json): boolean {
  switch (filter.kind) {
    case 'and': return filter.parts.every((part) => fits(part, resource));
    case 'or': return filter.parts.some((part) => fits(part, resource));
    case 'not': return !fits(filter.part, resource);
    case 'present': return valuesOf(filter.path, resource).some(isThere);
    case 'some': return elementsOf(resource[filter.path.attribute.name]).some((element) => fits(filter.part, element as Json));
    case 'compare': return compares(filter, resource);
  }
}

function compares(filter: Comparison, resource: Json): boolean {
  const { path, comparator, value } = filter;
  if (value === null) return (comparator === 'eq') !== valuesOf(path, resource).some(isThere);
  const values = path.attribute.multiValued ? valuesOf(path, resource) : valuesOf(path, resource).slice(0, 1);
  if (values.length === 0) return comparator === 'ne' && !path.attribute.multiValued;
  return values.some((found) => (isThere(found) ? holds(filter, found, value) : comparator === 'ne'));
}

function holds({ path, comparator }: Comparison, found: unknown, value: string | number | boolean): boolean {
  const [one, other] = [comparable(path, found), comparable(path, value)];
  switch (comparator) {
    case 'eq': return one === other;
    case 'ne': return one !== other;
    case 'gt': return one > other;
    case 'ge': return one >= other;
    case 'lt': return one < other;
    case 'le': return one <= other;
    case 'co': return String(one).includes(String(other));
    case 'sw': return String(one).startsWith(String(other));
    case 'ew': return String(one).endsWith(String(other));
  }
}

function comparable(path: AttributePath, value: unknown): string | number | boolean {
  const leaf = leafOf(path);
  if (leaf.type === 'dateTime') return Date.parse(String(value));
  if (typeof value !== 'string') return value as boolean;
  return leaf.caseExact ? value : value.toLowerCase();
}

/** The values that a path leads to; of several values with the part that it names, one each. */
function valuesOf({ attribute, sub }: AttributePath, resource: Json): unknown[] {
  const found = resource[attribute.name];
  if (attribute.multiValued) return elementsOf(found).map((element) => (sub ? (element as Json)[sub.name] : element));
  return [sub ? (found as Json | undefined)?.[sub.name] : found];
}

const elementsOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const isThere = (value: unknown): boolean => value !== undefined && value !== null && value !== '';
