import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { plannedForItsValues } from '../data/statement-names.ts';
import type { Comparator, Filter, Literal } from './filter.ts';
import { valueOf } from './literal-value.ts';
import { invalidFilter } from './query-errors.ts';
import type { FilterField, QueryFields } from './query-fields.ts';

type Condition = RawBuilder<SqlBool>;
type Compare = Extract<Filter, { kind: 'compare' }>;

/** Which comparators each kind of field has. */
const comparators: Record<FilterField['kind'], readonly Comparator[]> = {
  text: ['=', '!=', '<', '<=', '>', '>=', ':'],
  number: ['=', '!=', '<', '<=', '>', '>=', ':'],
  time: ['=', '!=', '<', '<=', '>', '>=', ':'],
  duration: ['=', '!=', '<', '<=', '>', '>=', ':'],
  uuid: ['=', '!=', ':'],
  boolean: ['=', '!=', ':'],
  enum: ['=', '!=', ':'],
  list: [':'],
  message: [':'],
};

/**
 * The condition of SQL that a filter stands for; every value is a parameter. A field without a value compares with
 * nothing, so `NOT due_time < …` holds where there is none. Throws `kernel.INVALID_FILTER` for a field that can't be
 * filtered by and for a value of another type.
 */
export const compileFilter = (filter: Filter, fields: QueryFields): Condition => condition(filter, fields, false);

// NOT moves down to the comparisons, where it can tell "no" from "no value".
function condition(filter: Filter, fields: QueryFields, negated: boolean): Condition {
  switch (filter.kind) {
    case 'not': return condition(filter.part, fields, !negated);
    case 'search': return settled(search(filter.value, fields, filter.at), negated);
    case 'compare': return comparison(filter, fields, negated);
    default: {
      const word = (filter.kind === 'and') !== negated ? sql` and ` : sql` or `;
      return sql`(${sql.join(filter.parts.map((part) => condition(part, fields, negated)), word)})`;
    }
  }
}

const settled = (holds: Condition, negated: boolean): Condition => (negated ? sql`(${holds}) is not true` : holds);

function search(value: Literal, { search: columns }: QueryFields, at: number): Condition {
  if (columns.length === 0) throw invalidFilter('a value without a field can not be looked for in this list', at);
  return sql`(${sql.join(columns.map((column) => contains(column, value)), sql` or `)})`;
}

function comparison(compare: Compare, fields: QueryFields, negated: boolean): Condition {
  const field = fieldOf(compare, fields);
  const { comparator, value, at } = compare;
  const allowed = comparators[field.kind];
  if (!allowed.includes(comparator)) throw invalidFilter(`${field.name} can be compared with ${allowed.join(' ')} only`, at);
  if (comparator === ':' && value.length === 2 && value.every((text) => text === '')) return settled(present(field), negated);
  if (comparator === '!=') return settled(holds(field, '=', value, at), !negated);
  return settled(holds(field, comparator, value, at), negated);
}

function fieldOf({ path, at }: Compare, { filterable, schema }: QueryFields): FilterField {
  const name = path.join('.');
  const found = filterable.get(name) ?? [...filterable.values()].find((field) => jsonPath(field.name) === name);
  if (found) return found;
  const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  const known = schema.fields.some((field) => field.name === path[0]);
  throw invalidFilter(`${known ? `it can not be filtered by ${shown}` : `unknown field ${shown}`}; filterable: ${[...filterable.keys()].join(', ') || 'none'}`, at);
}

const jsonPath = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

function present({ kind, column }: FilterField): Condition {
  if (kind === 'text') return sql`${column} <> ''`;
  if (kind === 'list') return sql`cardinality(${column}) > 0`;
  if (kind === 'boolean' || kind === 'message') return sql`${column}`;
  return sql`${column} is not null`;
}

function holds(field: FilterField, comparator: Exclude<Comparator, '!='>, value: Literal, at: number): Condition {
  const { column, kind } = field;
  if (kind === 'text' && comparator === ':') return contains(column, value);
  if (kind === 'text' && comparator === '=' && value.length > 1) return sql`${column} like ${value.map(escaped).join('%')}`;
  if (value.length > 1) throw invalidFilter(kind === 'text' ? 'wildcards go with = and : only' : `${field.name} takes no wildcards${kind === 'message' ? '' : ', but :* for any value'}`, at);
  const parameter = valueOf(field, value[0]!, at);
  if (parameter === undefined) return sql`false`;
  if (kind === 'list') return sql`${column} @> array[${parameter}]::text[]`;
  const compared = sql<SqlBool>`${column} ${sql.raw(comparator === ':' ? '=' : comparator)} ${parameter}`;
  return ['=', ':'].includes(comparator) ? compared : sql`${compared} ${sql.raw(plannedForItsValues)}`;
}

const contains = (column: RawBuilder<unknown>, value: Literal): Condition => sql`${column} ilike ${`%${value.map(escaped).join('%')}%`}`;
const escaped = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
