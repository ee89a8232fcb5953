/** An origin, or all subdomains of one: scheme, host with an optional leading `*.`, and port (RFC 6454). */
const pattern = /^(https?):\/\/(\*\.)?((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/;

/** Whether a text is an origin as browsers write it, or one with `*.` before its host. A wildcard stands before two labels at least, so that it never covers a whole top-level domain. */
export function isOriginPattern(text: string): boolean {
  const [, scheme, wildcard, host, port] = pattern.exec(text) ?? [];
  if (!host || (wildcard && !/\.[a-z]/.test(host))) return false;
  return port === undefined || (Number(port) > 0 && Number(port) <= 65_535 && String(Number(port)) === port && port !== (scheme === 'https' ? '443' : '80'));
}

/** The origins whose pages may call. */
export class Origins {
  readonly #exact = new Set<string>();
  /** `https://` and `.example.com:8080`, of any name between them. */
  readonly #within: { scheme: string; rest: string }[] = [];

  constructor(patterns: readonly string[]) {
    for (const each of patterns) {
      const [scheme, rest] = each.split('*') as [string, string?];
      if (rest === undefined) this.#exact.add(each);
      else this.#within.push({ scheme, rest });
    }
  }

  get none(): boolean {
    return this.#exact.size === 0 && this.#within.length === 0;
  }

  /** Whether pages of an origin, as the browser wrote it, may call. */
  has(origin: string): boolean {
    if (this.#exact.has(origin)) return true;
    return this.#within.some(({ scheme, rest }) => origin.startsWith(scheme) && origin.endsWith(rest) && isLabels(origin.slice(scheme.length, origin.length - rest.length)));
  }
}

const isLabels = (text: string): boolean => /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(text);
