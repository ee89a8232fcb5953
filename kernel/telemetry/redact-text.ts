const REDACTED = '[redacted]';

/** A word may begin here: behind what is no part of a word, or behind an escape of JSON. */
const begin = String.raw`(?:(?<![\w-])|(?<=\\[bfnrt]))`;

/** What looks like a secret or a person wherever it stands; an escape of JSON is one thing, never the start of a word. */
const shapes = new RegExp(
  [
    String.raw`\\(?:u[0-9a-fA-F]{4}|.)`,
    String.raw`(?<bearer>${begin}(?:Bearer|Basic)\s+)[^\s"\\,;]+`,
    String.raw`(?<user>[a-z][a-z0-9+.-]*:\/\/[^\s:/@"\\]*:)[^\s@"\\]+(?=@)`,
    String.raw`(?<url>[a-z][a-z0-9+.-]*:\/\/[^\s?#"\\]+\?)[^\s"\\]+`,
    String.raw`${begin}eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?`,
    String.raw`${begin}mst_\w[\w-]*`,
    String.raw`[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}][\p{L}\p{N}.-]*\.\p{L}{2,}`,
    String.raw`(?<opaque>${begin}[\w-]{43}(?![\w-]))`,
  ].join('|'),
  'gu',
);

/** Values that this process was given to keep, such as the secrets of its configuration. */
const hidden = new Set<string>();

const shortestHidden = 6;

/** Keeps this text out of every log line from now on. One that is too short to be a secret would blot out words. */
export function hideText(text: string): void {
  if (text.length >= shortestHidden) hidden.add(text);
}

/** Takes tokens, keys, passwords in URLs, query strings and e-mail addresses out of a text; one in JSON stays valid JSON. */
export function redactText(text: string): string {
  let clean = text.replace(shapes, (match, ...rest) => {
    const { bearer, user, url, opaque } = rest.at(-1) as Record<string, string | undefined>;
    if (match.startsWith('\\')) return match;
    if (opaque !== undefined && !isRandom(opaque)) return match;
    return `${bearer ?? user ?? url ?? ''}${REDACTED}`;
  });
  for (const secret of hidden) clean = clean.replaceAll(secret, REDACTED);
  return clean;
}

/** 256 random bits in base64url hold letters of both cases and digits; a long name in words does not. */
const isRandom = (text: string): boolean => /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text);
