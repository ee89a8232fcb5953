import { httpErrors } from '../http-errors.ts';

/** Splits a query string, strictly: `URLSearchParams` would replace broken encodings in silence. Throws `kernel.MALFORMED_PATH`. */
export function parseQuery(query: string): [name: string, value: string][] {
  const parameters: [string, string][] = [];
  for (const part of query.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    parameters.push([decode(name), equals < 0 ? '' : decode(part.slice(equals + 1))]);
  }
  return parameters;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw httpErrors.MALFORMED_PATH({ what: 'the query' });
  }
}
