import type { Arbitrary } from 'fast-check';
import type { Example } from './any-case.ts';

/** Sends a REST request as somebody; gives the answer's JSON. */
export type Ask = (as: string, path: string, body?: unknown, method?: string) => Promise<any>;

/** Requests that fit, by the name of the method. */
export type Examples = Readonly<Record<string, Arbitrary<Example>>>;
