import { createHash } from 'node:crypto';

const MOST_NAMED = 500;
const MOST_SEEN = 1000;

const named = new Map<string, string>();
const seen = new Set<string>();

/**
 * Stands in the text of a statement whose plan depends on its values, such as how many rows lie before a time: it gets no name,
 * so it is planned anew for each. A plan for any values takes a third of all rows to lie before any (PostgreSQL, "plan_cache_mode").
 */
export const plannedForItsValues = '/* planned for its values */';

/**
 * The name under which a connection keeps the plan of `sql`, so that it is parsed once. A text gets one at its second
 * use, and only so many do: texts made of lists of many lengths would otherwise fill the server's memory.
 */
export function statementName(sql: string): string | undefined {
  const name = named.get(sql);
  if (name) return name;
  if (sql.includes(plannedForItsValues)) return undefined;
  if (!seen.has(sql)) {
    if (seen.size >= MOST_SEEN) seen.clear();
    seen.add(sql);
    return undefined;
  }
  if (named.size >= MOST_NAMED) return undefined;
  const made = createHash('sha256').update(sql).digest('base64url').slice(0, 24);
  named.set(sql, made);
  seen.delete(sql);
  return made;
}
