import { cutText } from './cut-text.ts';
import { shownFields } from './known-messages.ts';
import { redactError } from './redact-error.ts';

const REDACTED = '[redacted]';
const deepest = 8;
const mostItems = 100;

/** Names under which a secret or a person's data stands, whatever it looks like. */
const secretName = /passw|passphrase|secret|token|authorization|cookie|credential|api[-_]?key|private[-_]?key|signing[-_]?key|idempotency|e-?mail|^(jwk|otp|pin)$/i;
/** Names under which an address of a request stands: its query may hold anything. */
const addressName = /^(url|uri|href|originalUrl|path|referer|referrer|location)$/i;

/**
 * A value as a log may hold it, decided by its type: messages of a contract without their sensitive fields, errors
 * without values of rows, bytes as their number, headers and other objects of a class by their name alone.
 */
function redactValue(value: unknown, name = '', depth = 0): unknown {
  if (value === undefined || value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (secretName.test(name) && typeof value !== 'function') return REDACTED;
  if (typeof value === 'string') return cutText(addressName.test(name) ? value.replace(/[?#].*$/s, '') : value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object') return `[${typeof value}]`;
  if (value instanceof Error) return redactError(value);
  return depth >= deepest ? '[deep]' : redactObject(value, depth + 1);
}

/** The fields of a log line, or of a logger's bindings. */
export const redactFields = (fields: object): Record<string, unknown> =>
  typeof (fields as { $typeName?: unknown }).$typeName === 'string' ? { message: redactValue(fields) } : plain(fields, 0);

function redactObject(value: object, depth: number): unknown {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  const { $typeName } = value as { $typeName?: unknown };
  if (typeof $typeName === 'string') return redactMessage($typeName, value as Record<string, unknown>, depth);
  if (Array.isArray(value) || value instanceof Set) return [...value].slice(0, mostItems).map((item) => redactValue(item, '', depth));
  if (value instanceof Map) return plain(Object.fromEntries([...value].map(([key, item]) => [String(key), item])), depth);
  if (value instanceof Date) return value;
  if (value instanceof URL) return `${value.origin}${value.pathname}`;
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  return prototype === null || prototype === Object.prototype ? plain(value, depth) : `[${prototype.constructor?.name ?? 'object'}]`;
}

function plain(value: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).slice(0, mostItems).map(([name, item]) => [name, redactValue(item, name, depth)]));
}

function redactMessage(typeName: string, message: Record<string, unknown>, depth: number): Record<string, unknown> {
  const fields = shownFields(typeName);
  if (!fields) return { $typeName: typeName, fields: REDACTED };
  const out: Record<string, unknown> = { $typeName: typeName };
  for (const [name, value] of Object.entries(message)) {
    // A oneof stands under its own name, as the case that is set and its value.
    const { case: chosen, value: chosenValue } = (value ?? {}) as { case?: unknown; value?: unknown };
    if (fields.has(name)) out[name] = redactValue(value, name, depth);
    else if (typeof chosen === 'string' && fields.get(chosen)?.oneof?.localName === name) out[chosen] = redactValue(chosenValue, chosen, depth);
  }
  return out;
}
