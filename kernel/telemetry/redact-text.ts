const REDACTED = '[redacted]';

/** An escape of JSON, which stays as it is: what is between two of them is looked at by itself. */
const escape = /(\\(?:u[0-9a-fA-F]{4}|[^]))/u;

const word = /[^\s"]+/g;
/** How a password in an address begins; it ends at the next `@`. */
const password = /(:\/\/[^:/@]*:).+$/s;

// Each of the patterns can begin at the beginning of a word only, so that no letter is looked at more than a few times.
const email = /(?<![\p{L}\p{N}._%+'-])[\p{L}\p{N}._%+'-]+(?:@|%40)[\p{L}\p{N}][\p{L}\p{N}.-]*\.\p{L}{2,}/gu;
const token = new RegExp(
  [
    String.raw`(?<bearer>(?<![\w-])(?:Bearer|Basic)\s+)[^\s",;]+`,
    String.raw`(?<![\w-])eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?`,
    String.raw`(?<![\w-])mst_\w[\w-]*`,
    String.raw`(?<opaque>(?<![\w-])[\w-]{43}(?![\w-]))`,
  ].join('|'),
  'g',
);

/** Values that this process was given to keep, such as the secrets of its configuration. */
const hidden = new Set<string>();

const shortestHidden = 6;

/** Keeps this text out of every log line from now on. One that is too short to be a secret would blot out words. */
export function hideText(text: string): void {
  if (text.length >= shortestHidden) hidden.add(text);
}

/**
 * Takes tokens, keys, passwords in URLs, query strings and e-mail addresses out of a text; one in JSON stays valid JSON.
 * The work grows with the text's length, whatever it says.
 */
export function redactText(text: string): string {
  let clean = text.split(escape).map((part, index) => (index % 2 === 1 ? part : redactPlain(part))).join('');
  for (const secret of hidden) clean = clean.replaceAll(secret, REDACTED);
  return clean;
}

function redactPlain(text: string): string {
  const addresses = text.includes('://') ? text.replace(word, (one) => (one.includes('://') ? redactAddress(one) : one)) : text;
  const people = /@|%40/.test(addresses) ? addresses.replace(email, REDACTED) : addresses;
  return people.replace(token, (match, ...rest) => {
    const { bearer = '', opaque } = rest.at(-1) as Record<string, string | undefined>;
    return opaque !== undefined && !isRandom(opaque) ? match : `${bearer}${REDACTED}`;
  });
}

function redactAddress(address: string): string {
  const parts = address.split('@');
  const last = parts.pop()!;
  const open = [...parts.map((part) => part.replace(password, `$1${REDACTED}`)), last].join('@');
  const query = open.indexOf('?', open.indexOf('://') + '://'.length + 1);
  return query < 0 || query === open.length - 1 ? open : `${open.slice(0, query + 1)}${REDACTED}`;
}

/** 256 random bits in base64url hold letters of both cases and digits; a long name in words does not. */
const isRandom = (text: string): boolean => /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text);
