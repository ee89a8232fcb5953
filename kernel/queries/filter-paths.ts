import type { Filter } from './filter.ts';
import { parseFilter } from './parse-filter.ts';

/** The fields that a filter is about, as it names them. Throws `kernel.INVALID_FILTER`. */
export function filterPaths(text: string): Set<string> {
  const filter = text === '' ? undefined : parseFilter(text);
  return new Set(filter ? pathsOf(filter) : []);
}

function pathsOf(filter: Filter): string[] {
  switch (filter.kind) {
    case 'and':
    case 'or': return filter.parts.flatMap(pathsOf);
    case 'not': return pathsOf(filter.part);
    case 'compare': return [filter.path.join('.')];
    case 'search': return [];
  }
}
