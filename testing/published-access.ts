import { readFileSync } from 'node:fs';

/** A row of `docs/access.md`. */
export interface PublishedAccess {
  service: string;
  method: string;
  /** The fields that the REST path names things by, such as `promise.id`. */
  pathFields: string[];
  /** By caller, as the table heads its columns: whether the call is let in. */
  letIn: Map<string, boolean>;
  /** A call that is let in and names things of another org: absent if the method names none. */
  anotherOrg?: { anyOrgFor: string[] };
}

/** Reads what the table says, not what the rules say: a test compares the platform with it. */
export function readPublishedAccess(): PublishedAccess[] {
  const text = readFileSync(new URL('../docs/access.md', import.meta.url), 'utf8');
  return text.split(/^## /m).slice(1).flatMap((part) => {
    const [service, ...lines] = part.split('\n');
    const [heading, , ...rows] = lines.filter((line) => line.startsWith('|')).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
    return rows.map((cells) => rowOf(service!, heading!, cells));
  });
}

function rowOf(service: string, heading: string[], cells: string[]): PublishedAccess {
  const [method, rest] = cells as [string, string];
  const last = cells.at(-1)!;
  const callers = heading.slice(4, -1).map((name, at) => [name, cells[at + 4] === 'yes'] as const);
  return {
    service,
    method,
    pathFields: [...rest.matchAll(/\{([^}=]+)/g)].map(([, field]) => field!),
    letIn: new Map(callers),
    ...(last !== '—' && { anotherOrg: { anyOrgFor: last.split('any org for ')[1]?.split(', ') ?? [] } }),
  };
}
