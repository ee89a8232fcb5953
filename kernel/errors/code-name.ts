import { Code } from '@connectrpc/connect';

/** A code as reasons, metrics and logs name it, such as `NOT_FOUND`; `OK` for none. */
export const codeName = (code: Code | undefined): string => (code === undefined ? 'OK' : Code[code].replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
