import { createHmac, hash } from 'node:crypto';
import { derivedKey, type AuditEntry } from '@mainstay/kernel';

/** What stands before the first entry: 32 zero bytes. */
export const chainStart: Buffer = Buffer.alloc(32);

/** The hash of an entry: SHA-256 over the hash of the one before it, followed by its canonical form. */
export const hashEntry = (previous: Buffer, entry: AuditEntry): Buffer => hashText(previous, canonicalEntry(entry));

/** The same of an entry whose canonical form is known. */
export function hashText(previous: Buffer, canonical: string): Buffer {
  const hashed = Buffer.allocUnsafe(previous.length + Buffer.byteLength(canonical));
  previous.copy(hashed);
  hashed.write(canonical, previous.length);
  return hash('sha256', hashed, 'buffer');
}

/**
 * The one text of an entry: its fields as JSON by RFC 8785 (keys in order, no blanks), those that are absent left out,
 * `time` in UTC with milliseconds.
 */
export function canonicalEntry(entry: AuditEntry): string {
  const { actorAccountId, callerModule, clientAddress, id, method, module, orgId, outcome, principalId, principalKind, sessionId, time, traceId } = entry;
  const subjects = withFields(Object.keys(entry.subjects).sort(), (key) => entry.subjects[key]!);
  return JSON.stringify({ actorAccountId, callerModule, clientAddress, id, method, module, orgId, outcome, principalId, principalKind, sessionId, subjects, time: time.toISOString(), traceId });
}

/** An entry as the database can keep it and gives it back: ids in lower case, no empty fields, no characters that are none. */
export function storableEntry(entry: AuditEntry): AuditEntry {
  return {
    id: entry.id.toLowerCase(),
    time: entry.time,
    module: clean(entry.module),
    method: clean(entry.method),
    outcome: clean(entry.outcome),
    principalKind: entry.principalKind,
    principalId: cleanIfAny(entry.principalId),
    actorAccountId: cleanIfAny(entry.actorAccountId),
    orgId: cleanIfAny(entry.orgId)?.toLowerCase(),
    sessionId: cleanIfAny(entry.sessionId),
    callerModule: cleanIfAny(entry.callerModule),
    clientAddress: cleanIfAny(entry.clientAddress),
    traceId: clean(entry.traceId),
    subjects: withFields(Object.keys(entry.subjects), (key) => clean(entry.subjects[key]!), clean),
  };
}

const clean = (text: string): string => (text.isWellFormed() && !text.includes('\0') ? text : text.toWellFormed().replaceAll('\0', '\ufffd'));

const cleanIfAny = (text: string | undefined): string | undefined => (text ? clean(text) : undefined);

const withFields = (keys: readonly string[], valueOf: (key: string) => string, named = (key: string) => key): Record<string, string> =>
  Object.fromEntries(keys.map((key) => [named(key), valueOf(key)]));

/** That the chain had this hash at this entry, at this time. */
export interface Sealed {
  sequence: number;
  hash: Buffer;
  time: Date;
}

/**
 * Makes what only this deployment can make: seals of the chain, or of what `purpose` says, HMAC-SHA256 with a key derived from the deployment's
 * secret (HKDF, RFC 5869). Who changes the database alone cannot make one.
 */
export function createSealer(secret: string, purpose = 'mainstay sys-core audit seal v1'): (sealed: Sealed) => Buffer {
  const key = derivedKey(secret, purpose);
  return ({ sequence, hash, time }) => createHmac('sha256', key).update(`${sequence} ${hash.toString('hex')} ${time.toISOString()}`).digest();
}
