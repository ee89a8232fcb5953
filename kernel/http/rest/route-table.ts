import type { PathTemplate } from './path-template.ts';

/** What a path leads to: a value for each HTTP method, and the path's segments as they came, still percent-encoded. */
export interface RouteMatch<T> {
  methods: ReadonlyMap<string, T>;
  segments: readonly string[];
}

interface Node<T> {
  literals: Map<string, Node<T>>;
  one?: Node<T>;
  rest?: Node<T>;
  /** Custom verb → HTTP method → value. */
  ends: Map<string, Map<string, T>>;
}

/** Finds the route of a path among many templates; a literal segment goes before `*`, and `*` before `**`. */
export class RouteTable<T> {
  readonly #root: Node<T> = emptyNode();
  /** Paths without variables and verbs, which are found whole: nothing goes before a literal. */
  readonly #literal = new Map<string, RouteMatch<T>>();

  /** Throws an `Error` if the same method and path are taken. */
  add(method: string, template: PathTemplate, value: T): void {
    let node = this.#root;
    for (const segment of template.segments) node = stepInto(node, segment);
    const methods = node.ends.get(template.verb) ?? new Map<string, T>();
    node.ends.set(template.verb, methods);
    if (methods.has(method)) throw new Error(`${method} ${template.source} is declared twice`);
    methods.set(method, value);
    const { source, segments, verb } = template;
    if (verb === '' && segments.every((segment) => segment !== '*' && segment !== '**')) this.#literal.set(source, { methods, segments });
  }

  /** Looks up a path without its query. Throws a `URIError` for a broken percent-encoding. */
  find(path: string): RouteMatch<T> | undefined {
    const whole = this.#literal.get(path);
    if (whole) return whole;
    const segments = path.slice(1).split('/');
    const last = segments.length - 1;
    const colon = segments[last]!.lastIndexOf(':');
    if (colon >= 0) {
      const verb = decodeURIComponent(segments[last]!.slice(colon + 1));
      const withoutVerb = segments.with(last, segments[last]!.slice(0, colon));
      const methods = verb ? walk(this.#root, withoutVerb, withoutVerb.map(decoded), 0, verb) : undefined;
      if (methods) return { methods, segments: withoutVerb };
    }
    const methods = walk(this.#root, segments, segments.map(decoded), 0, '');
    return methods && { methods, segments };
  }
}

const decoded = (segment: string) => (segment.includes('%') ? decodeURIComponent(segment) : segment);

function walk<T>(node: Node<T>, raw: readonly string[], decoded: readonly string[], index: number, verb: string): Map<string, T> | undefined {
  if (index === raw.length) return node.ends.get(verb) ?? node.rest?.ends.get(verb);
  const literal = node.literals.get(decoded[index]!);
  return (
    (literal && walk(literal, raw, decoded, index + 1, verb)) ??
    (node.one && raw[index] !== '' ? walk(node.one, raw, decoded, index + 1, verb) : undefined) ??
    node.rest?.ends.get(verb)
  );
}

function stepInto<T>(node: Node<T>, segment: string): Node<T> {
  if (segment === '**') return (node.rest ??= emptyNode());
  if (segment === '*') return (node.one ??= emptyNode());
  const next = node.literals.get(segment) ?? emptyNode<T>();
  node.literals.set(segment, next);
  return next;
}

const emptyNode = <T>(): Node<T> => ({ literals: new Map(), ends: new Map() });
