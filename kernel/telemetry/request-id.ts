import { randomUUID } from 'node:crypto';

/** The header that names a request, in both directions. */
export const requestIdHeader = 'x-request-id';

/** The caller's own id, if it is at most 128 visible ASCII characters; otherwise a new one. */
export const requestIdOf = (given: string | string[] | undefined): string => (typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID());
