import { createHash, createHmac, hkdfSync } from 'node:crypto';
import type { AuditEntry } from '@mainstay/kernel';

/** What stands before the first entry: 32 zero bytes. */
export const chainStart: Buffer = Buffer.alloc(32);

/** The hash of an entry: SHA-256 over the hash of the one before it, followed by its canonical form. */
export const hashEntry = (previous: Buffer, entry: AuditEntry): Buffer => createHash('sha256').update(previous).update(canonicalEntry(entry)).digest();

/**
 * The one text of an entry: its fields as JSON by RFC 8785 (keys in order, no blanks), those that are absent left out,
 * `time` in UTC with milliseconds.
 */
export function canonicalEntry(entry: AuditEntry): string {
  const { actorAccountId, callerModule, clientAddress, id, method, module, orgId, outcome, principalId, principalKind, sessionId, time, traceId } = entry;
  const subjects = Object.fromEntries(Object.entries(entry.subjects).sort(([one], [other]) => (one < other ? -1 : 1)));
  return JSON.stringify({ actorAccountId, callerModule, clientAddress, id, method, module, orgId, outcome, principalId, principalKind, sessionId, subjects, time: time.toISOString(), traceId });
}

/** An entry as the database can keep it and gives it back: ids in lower case, no empty fields, no characters that are none. */
export function storableEntry(entry: AuditEntry): AuditEntry {
  const clean = (text: string) => text.toWellFormed().replaceAll('\0', '\ufffd');
  const fields = Object.entries(entry).filter(([, value]) => value !== undefined && value !== '').map(([key, value]) => [key, typeof value === 'string' ? clean(value) : value as unknown] as const);
  const { id, orgId, subjects, ...rest } = Object.fromEntries(fields) as unknown as AuditEntry;
  return {
    ...rest,
    id: id.toLowerCase(),
    ...(orgId && { orgId: orgId.toLowerCase() }),
    subjects: Object.fromEntries(Object.entries(subjects).map(([key, value]) => [clean(key), clean(value)])),
  };
}

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
  const key = Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'hex'), '', purpose, 32));
  return ({ sequence, hash, time }) => createHmac('sha256', key).update(`${sequence} ${hash.toString('hex')} ${time.toISOString()}`).digest();
}
