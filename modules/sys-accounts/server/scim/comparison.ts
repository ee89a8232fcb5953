import type { Attribute, AttributePath } from './attribute.ts';
import type { Filter } from './filter.ts';

/** What compares a value with what a filter gives, of one kind. */
export type Comparison = Extract<Filter, { kind: 'compare' }>;

/** The attribute that a path leads to. */
export const leafOf = ({ attribute, sub }: AttributePath): Attribute => sub ?? attribute;

const suited: Partial<Record<Attribute['type'], { value: 'string' | 'boolean'; comparators: readonly string[] }>> = {
  boolean: { value: 'boolean', comparators: ['eq', 'ne'] },
  dateTime: { value: 'string', comparators: ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] },
};

/** What is wrong with a comparison, if the attribute is of another kind. */
export function comparisonProblem({ path, comparator, value }: Comparison): string | undefined {
  const leaf = leafOf(path);
  // Nothing is equal to what has no value.
  if (value === null) return comparator === 'eq' || comparator === 'ne' ? undefined : `null is compared by eq and ne alone, and not ${leaf.name} by ${comparator}`;
  const { value: kind, comparators } = suited[leaf.type] ?? { value: 'string', comparators: undefined };
  if (comparators?.includes(comparator) === false) return `${leaf.name} is compared by ${comparators.join(', ')} alone`;
  if (typeof value !== kind) return `${leaf.name} is compared with a ${kind === 'string' ? 'text in double quotes' : kind}`;
  if (leaf.type === 'dateTime' && !isTime(value as string)) return `${leaf.name} is compared with a time such as "2026-01-31T23:59:59Z"`;
  return undefined;
}

const isTime = (text: string): boolean => /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.test(text) && !Number.isNaN(Date.parse(text));
