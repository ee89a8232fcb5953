import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { AttributePath } from './attribute.ts';
import { comparisonProblem, leafOf, type Comparison } from './comparison.ts';
import type { Filter } from './filter.ts';
import { scimErrors } from './scim-errors.ts';

type Sql<T = unknown> = RawBuilder<T>;
type Condition = Sql<SqlBool>;

/** Where the attributes of a resource lie in the database. */
export interface Columns {
  /** The value of an attribute that has one, as text, boolean or time by its type; nothing if it can not be compared. */
  value(path: AttributePath): Sql | undefined;
  /** What gives a row for each value of an attribute that has several, as `element` of type jsonb. */
  elements(path: AttributePath): Sql | undefined;
}

/** The condition of SQL that a filter stands for; all values are parameters. Throws `invalidFilter`. */
export function compileFilter(filter: Filter, columns: Columns): Condition {
  switch (filter.kind) {
    case 'and': return joined(filter.parts, columns, sql` and `);
    case 'or': return joined(filter.parts, columns, sql` or `);
    // Each condition is true or false, and never unknown.
    case 'not': return sql`(not ${compileFilter(filter.part, columns)})`;
    case 'some': return exists(filter.path, columns, compileFilter(filter.part, ofElement));
    case 'present': return isPresent(filter.path, columns);
    case 'compare': return comparison(filter, columns);
  }
}

/** Those of one of several values. */
const ofElement: Columns = {
  value: ({ attribute }) => (attribute.type === 'boolean' ? sql`(element ->> ${sql.lit(attribute.name)})::boolean` : sql`(element ->> ${sql.lit(attribute.name)})`),
  elements: () => undefined,
};

const joined = (parts: readonly Filter[], columns: Columns, word: Sql): Condition => sql`(${sql.join(parts.map((part) => compileFilter(part, columns)), word)})`;

function exists(path: AttributePath, columns: Columns, condition: Condition): Condition {
  const elements = columns.elements(path);
  if (!elements) throw scimErrors.invalidFilter(`${path.attribute.name} can not be looked for here`);
  return sql`exists (select from ${elements} where ${condition})`;
}

function isPresent(path: AttributePath, columns: Columns): Condition {
  if (!path.attribute.multiValued) return sql`(coalesce(${columnOf(path, columns)}::text, '') <> '')`;
  return exists(path, columns, path.sub ? sql`coalesce(element ->> ${sql.lit(path.sub.name)}, '') <> ''` : sql`true`);
}

function comparison(filter: Comparison, columns: Columns): Condition {
  const problem = comparisonProblem(filter);
  if (problem) throw scimErrors.invalidFilter(problem);
  const { path, comparator, value } = filter;
  if (value === null) return comparator === 'ne' ? isPresent(path, columns) : sql`(not ${isPresent(path, columns)})`;
  if (!path.attribute.multiValued) return holds(filter, columnOf(path, columns));
  return exists(path, columns, holds(filter, ofElement.value({ attribute: path.sub! })!));
}

function holds({ path, comparator, value }: Comparison, column: Sql): Condition {
  const leaf = leafOf(path);
  if (leaf.type === 'boolean') return comparator === 'eq' ? sql`(${column} is not distinct from ${value}::boolean)` : sql`(${column} is distinct from ${value}::boolean)`;
  if (leaf.type === 'dateTime') return ordered(sql`date_trunc('milliseconds', ${column})`, comparator, sql`date_trunc('milliseconds', ${value}::timestamptz)`);
  const [found, wanted]: [Sql, Sql] = leaf.caseExact ? [column, sql`${value}::text`] : [sql`lower(${column})`, sql`lower(${value}::text)`];
  switch (comparator) {
    case 'co': return sql`(coalesce(strpos(${found}, ${wanted}), 0) > 0)`;
    case 'sw': return sql`coalesce(starts_with(${found}, ${wanted}), false)`;
    case 'ew': return sql`coalesce(right(${found}, length(${wanted})) = ${wanted}, false)`;
    case 'eq': return sql`(${found} is not distinct from ${wanted})`;
    case 'ne': return sql`(${found} is distinct from ${wanted})`;
    default: return ordered(sql`${found} collate "C"`, comparator, wanted);
  }
}

const words = { eq: sql`is not distinct from`, ne: sql`is distinct from`, gt: sql`>`, ge: sql`>=`, lt: sql`<`, le: sql`<=` };

const ordered = (found: Sql, comparator: Comparison['comparator'], wanted: Sql): Condition => sql`coalesce(${found} ${words[comparator as keyof typeof words]} ${wanted}, false)`;

function columnOf(path: AttributePath, columns: Columns): Sql {
  const column = columns.value(path);
  if (!column) throw scimErrors.invalidFilter(`${[path.attribute.name, ...(path.sub ? [path.sub.name] : [])].join('.')} can not be looked for here`);
  return column;
}
