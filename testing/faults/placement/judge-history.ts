import type { History } from './history.ts';

/** What is found when all is quiet again. */
export interface Found {
  /** The rows that commands left, of all databases. */
  rows: readonly { id: string; title: string }[];
  /** The ids of rows, once for each time that the event of one took effect in the subscribing module. */
  sights: readonly string[];
}

/**
 * What a history and what it left say against the platform; nothing if no acknowledged command is lost, none was applied twice,
 * whether it was acknowledged or not, and each event took effect once, of exactly those commands that took effect.
 */
export function judgeHistory(history: History, { rows, sights }: Found): string[] {
  const rowsOf = Map.groupBy(rows, ({ title }) => title);
  const titles = new Set(history.map(({ title }) => title));
  const ids = new Set(rows.map(({ id }) => id));
  const seen = new Map<string, number>();
  for (const id of sights) seen.set(id, (seen.get(id) ?? 0) + 1);
  return [
    ...history.flatMap((command) => problemsOf(command, rowsOf.get(command.title) ?? [])),
    ...rows.filter(({ title }) => !titles.has(title)).map(({ title }) => `${title} was applied, and nobody sent it`),
    ...rows.flatMap(({ id, title }) => (seen.get(id) === 1 ? [] : [`the event of ${title} took effect ${seen.get(id) ?? 0} times`])),
    ...[...seen.keys()].filter((id) => !ids.has(id)).map((id) => `an event tells of ${id}, which is not there`),
  ];
}

function problemsOf({ title, acknowledged }: History[number], rows: readonly { id: string }[]): string[] {
  if (rows.length > 1) return [`${title} was applied ${rows.length} times`];
  if (!acknowledged) return [];
  if (rows.length === 0) return [`${title} was acknowledged and is lost`];
  return rows[0]!.id === acknowledged.id ? [] : [`${title} was acknowledged as ${acknowledged.id} and is there as ${rows[0]!.id}`];
}
