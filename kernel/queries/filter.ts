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
