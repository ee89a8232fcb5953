import type { AttributePath } from './attribute.ts';

/** How a value is compared. */
export type Comparator = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';

/** A filter (RFC 7644 §3.4.2.2), of which all names are those of the resource's schema. */
export type Filter =
  | { kind: 'and' | 'or'; parts: readonly Filter[] }
  | { kind: 'not'; part: Filter }
  | { kind: 'present'; path: AttributePath }
  | { kind: 'compare'; path: AttributePath; comparator: Comparator; value: string | number | boolean | null }
  /** Some value of the attribute fits all of `part`, whose paths begin at the attribute's parts. */
  | { kind: 'some'; path: AttributePath; part: Filter };

export const comparators: readonly string[] = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] satisfies Comparator[];
