/** A path of `google.api.http`, such as `/v1/{name=shelves/*}/books/{book_id}:archive`, taken apart. */
export interface PathTemplate {
  source: string;
  /** One entry a segment: a literal, `*` for any one segment, or `**` for all the rest. */
  segments: readonly string[];
  variables: readonly PathVariable[];
  /** The custom verb after the colon; empty if there is none. */
  verb: string;
}

export interface PathVariable {
  /** The request field it fills, such as `promise.promise_id`. */
  field: string;
  /** The segments it covers: from `start` up to, not including, `end`; `end` is absent where it covers the rest. */
  start: number;
  end?: number;
  /** It may hold several segments, so that an encoded slash in it stays encoded. */
  multiple: boolean;
}

const fieldPath = /^[a-z_]\w*(\.[a-z_]\w*)*$/i;
const literal = /^[\w\-.~]+$/;

/** Parses a path template; throws an `Error` that says what is wrong with it. */
export function parsePathTemplate(source: string): PathTemplate {
  const wrong = (what: string) => new Error(`path template "${source}": ${what}`);
  if (!source.startsWith('/')) throw wrong('must start with /');
  const { path, verb } = splitVerb(source);
  if (source.length > path.length && !literal.test(verb)) throw wrong(`"${verb}" is not a verb`);
  const segments: string[] = [];
  const variables: PathVariable[] = [];
  for (const part of splitParts(path.slice(1))) {
    if (!part.startsWith('{')) {
      segments.push(part);
      continue;
    }
    if (!part.endsWith('}')) throw wrong('a { is not closed, or is not a whole segment');
    const [field = '', pattern = '*'] = part.slice(1, -1).split('=');
    if (!fieldPath.test(field)) throw wrong(`"${field}" is not a field path`);
    if (variables.some((variable) => variable.field === field)) throw wrong(`"${field}" appears twice`);
    const inner = pattern.split('/');
    const rest = inner.at(-1) === '**';
    variables.push({ field, start: segments.length, multiple: rest || inner.length > 1, ...(!rest && { end: segments.length + inner.length }) });
    segments.push(...inner);
  }
  const bad = segments.find((segment, index) => !(segment === '*' || literal.test(segment) || (segment === '**' && index === segments.length - 1)));
  if (bad !== undefined) throw wrong(bad === '**' ? '** must be the last segment' : `"${bad}" is not a segment`);
  return { source, segments, variables, verb };
}

/**
 * What a variable holds in a path that matched, percent-decoded. Throws a `URIError` for a broken encoding.
 * In a variable of several segments an encoded slash stays `%2F`, as google.api.http has it.
 */
export function variableValue({ start, end, multiple }: PathVariable, rawSegments: readonly string[]): string {
  if (!multiple) {
    const segment = rawSegments[start]!;
    return segment.includes('%') ? decodeURIComponent(segment) : segment;
  }
  const covered = rawSegments.slice(start, end);
  return covered.map((segment) => segment.split(/(%2f)/i).map((part, index) => (index % 2 ? part : decodeURIComponent(part))).join('')).join('/');
}

function splitVerb(source: string) {
  const colon = source.lastIndexOf(':');
  const isVerb = colon > source.lastIndexOf('/') && colon > source.lastIndexOf('}');
  return isVerb ? { path: source.slice(0, colon), verb: source.slice(colon + 1) } : { path: source, verb: '' };
}

/** Splits at the slashes outside of braces. */
const splitParts = (path: string): string[] => path.split(/\/(?![^{}]*\})/);
