import type { Filter, Literal } from '../filter.ts';

/** The text of a filter; reading it again makes the same filter. */
export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    // In this language OR binds tighter than AND.
    case 'and': return filter.parts.map(printFilter).join(' AND ');
    case 'or': return filter.parts.map((part) => (part.kind === 'and' ? `(${printFilter(part)})` : printFilter(part))).join(' OR ');
    case 'not': return filter.part.kind === 'compare' || filter.part.kind === 'search' ? `NOT ${printFilter(filter.part)}` : `NOT (${printFilter(filter.part)})`;
    case 'compare': return `${filter.path.join('.')} ${filter.comparator} ${printLiteral(filter.value)}`;
    case 'search': return printLiteral(filter.value);
  }
}

const printLiteral = (value: Literal): string => `"${value.map((text) => text.replace(/[\\"*]/g, '\\$&')).join('*')}"`;
