import type pg from 'pg';
import pgModule from 'pg';

/** A statement as it went to the database, and the role that sent it. */
export interface Sent {
  user: string;
  text: string;
  values: unknown[];
}

/** Keeps what this process sends to PostgreSQL until `stop`. */
export function recordStatements(): { sent: Sent[]; stop: () => void } {
  const prototype = pgModule.Client.prototype as unknown as { query: (...given: any[]) => unknown };
  const original = prototype.query;
  const sent: Sent[] = [];
  prototype.query = function (this: pg.Client, ...given: any[]) {
    const [query, values] = given;
    const text: unknown = typeof query === 'string' ? query : query?.text;
    if (typeof text === 'string' && /^\s*(select|with)\b/i.test(text)) sent.push({ user: this.user ?? '', text, values: query.values ?? values ?? [] });
    return original.apply(this, given);
  };
  return { sent, stop: () => void (prototype.query = original) };
}

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
}

/** The tables that a statement touches, and those among them that it reads from end to end. */
export async function tablesOf(client: pg.Client, { user, text, values }: Sent): Promise<{ read: Set<string>; scanned: Set<string> }> {
  const schemas = 'select string_agg(quote_ident(schema), \',\') as path from mainstay.modules';
  await client.query(`set search_path = ${(await client.query<{ path: string }>(schemas)).rows[0]!.path}; set role "${user}"`);
  const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(`explain (format json) ${text}`, values);
  await client.query('reset role');
  const nodes = nodesOf(rows[0]!['QUERY PLAN'][0]!.Plan).filter((node) => node['Relation Name']);
  const names = (some: Plan[]) => new Set(some.map((node) => node['Relation Name']!));
  return { read: names(nodes), scanned: names(nodes.filter((node) => node['Node Type'] === 'Seq Scan')) };
}

/** How many rows of a table a statement looks at; it runs for that, and is undone. */
export async function rowsLookedAt(client: pg.Client, { text, values }: Sent, table: string): Promise<number> {
  await client.query('begin');
  const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(`explain (analyze, format json) ${text}`, values);
  await client.query('rollback');
  const nodes = nodesOf(rows[0]!['QUERY PLAN'][0]!.Plan).filter((node) => node['Relation Name'] === table);
  return nodes.reduce((sum, node) => sum + (node['Actual Rows']! + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']!, 0);
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
