import { byStage, type Call } from './call-tree.ts';
import { type Stage, stages } from './stages.ts';
import type { Statement } from './top-statements.ts';

/** What a request cost, in microseconds of processor time. */
export interface Cost {
  app: number;
  database: number;
}

/** Where the processor time of a request goes, as a table in Markdown: the process's by the shares that the sampler saw, then PostgreSQL's. */
export function budgetTable(tree: Call, { app, database }: Cost): string {
  const samples = byStage(tree);
  const row = (name: string, value: number, share: number) => `| ${name} | ${value.toFixed(1)} | ${(share * 100).toFixed(1)} % |`;
  const rows = (Object.keys(stages) as Stage[]).map((stage) => {
    const share = (samples.get(stage) ?? 0) / tree.total;
    return row(stage, app * share, share);
  });
  return ['| stage | processor µs/request | share of the process |', '| --- | --- | --- |', ...rows, row('**the process**', app, 1), `| **PostgreSQL** | ${database.toFixed(1)} | |`].join('\n');
}

/** The statements that took PostgreSQL longest, as a table in Markdown, without those that took next to nothing. */
export function statementsTable(statements: readonly Statement[], requests: number): string {
  const all = statements.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rows = statements.filter(({ milliseconds }) => milliseconds > all / 1000).map(({ query, calls, milliseconds }) => `| \`${brief(query)}\` | ${(calls / requests).toFixed(2)} | ${((milliseconds / calls) * 1000).toFixed(1)} | ${((milliseconds / requests) * 1000).toFixed(1)} |`);
  return ['| statement | calls/request | mean µs | µs/request |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

const brief = (query: string) => {
  const line = query.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('`', "'").trim();
  return line.length > 110 ? `${line.slice(0, 109)}…` : line;
};
