/** What a filter compares with: the text between its wildcards, so that `["a"]` is `a` and `["a", "b"]` is `a*b`. */
export type Literal = readonly string[];

export type Comparator = '=' | '!=' | '<' | '<=' | '>' | '>=' | ':';

/** A filter as AIP-160 defines the language, taken apart. `at` is where in the text a part begins, counted from 1. */
export type Filter =
  | { kind: 'and' | 'or'; parts: readonly Filter[] }
  | { kind: 'not'; part: Filter }
  | { kind: 'compare'; path: readonly string[]; comparator: Comparator; value: Literal; at: number }
  /** A value without a field, looked for wherever the list says. */
  | { kind: 'search'; value: Literal; at: number };

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
