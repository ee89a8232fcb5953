import { timingSafeEqual } from 'node:crypto';
import type { Database } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { chainStart, hashEntry, type Sealed } from './audit-chain.ts';
import { entryOfRow } from './entry-of-row.ts';

/** What was done to the chain; see `AuditBreak` of the contract. */
export type BreakKind = 'CHANGED' | 'MISSING' | 'REORDERED' | 'INSERTED' | 'REWRITTEN' | 'TRUNCATED' | 'SEAL_FORGED';

/** The first place at which the chain does not hold. */
export interface Break {
  kind: BreakKind;
  sequence: number;
  entryId?: string;
  explanation: string;
}

/** An entry and its hash, as noted earlier. */
export interface Noted {
  sequence: number;
  hash: Buffer;
}

export interface Verified {
  checked: number;
  /** The last entry that holds. */
  head: Noted;
  /** Whether the end of the chain was reached. */
  complete: boolean;
  broken?: Break;
}

export interface VerifyOptions {
  /** Where to begin: behind this entry, which must still be as it was noted; at the first entry if absent. */
  after?: Noted;
  /** Most entries to check. */
  limit: number;
  /** A head that was noted, before this began, and must be in the chain; looked for where the check gets to the end. */
  noted?: Noted;
  seal: (sealed: Sealed) => Buffer;
}

type Row = Selectable<Tables['sys_core_audit_entries']>;
type Check = Pick<VerifyOptions, 'seal'> & { db: Database<Tables> };

const PAGE = 2000;

/** Checks the chain link by link, and its seals, until the first break, the end, or `limit`. */
export async function verifyChain(db: Database<Tables>, { after = { sequence: 0, hash: chainStart }, limit, noted, seal }: VerifyOptions): Promise<Verified> {
  const end = await readEnd(db);
  const to = Math.min(end.entries, after.sequence + limit);
  const verified: Verified = { checked: 0, head: after, complete: to >= end.entries, broken: await checkNoted(db, after, end.entries) };
  while (!verified.broken && verified.head.sequence < to) await checkPage({ db, seal }, verified, to);
  if (!verified.broken && verified.complete) verified.broken = checkEnd(end) ?? (noted && (await checkNoted(db, noted, end.entries)));
  return verified;
}

/** The last entry and the last seal, as they are at one moment. */
async function readEnd(db: Database<Tables>): Promise<{ entries: number; seals: number }> {
  const { entries, seals } = await db.read((q) =>
    q.selectNoFrom((eb) => [
      eb.selectFrom('sys_core_audit_entries').select((max) => max.fn.max('sequence').as('last')).as('entries'),
      eb.selectFrom('sys_core_audit_seals').select((max) => max.fn.max('sequence').as('last')).as('seals'),
    ]).executeTakeFirstOrThrow());
  return { entries: entries ?? 0, seals: seals ?? 0 };
}

function checkEnd({ entries, seals }: { entries: number; seals: number }): Break | undefined {
  if (seals > entries) return { kind: 'TRUNCATED', sequence: entries + 1, explanation: `the chain ends with entry ${entries}, and a seal says that there was an entry ${seals}: the end was cut off` };
  if (entries > seals) return { kind: 'REWRITTEN', sequence: seals + 1, explanation: `no seal covers the entries from ${seals + 1} to ${entries}: they were added or rewritten without the deployment's secret` };
  return undefined;
}

async function checkNoted(db: Database<Tables>, { sequence, hash }: Noted, last: number): Promise<Break | undefined> {
  if (sequence === 0) return undefined;
  if (sequence > last) return { kind: 'TRUNCATED', sequence: last + 1, explanation: cutOff(last, sequence) };
  const row = await db.read((q) => q.selectFrom('sys_core_audit_entries').selectAll().where('sequence', '=', sequence).executeTakeFirst());
  if (!row) return { kind: 'MISSING', sequence, explanation: `entry ${sequence} is gone` };
  if (!row.hash.equals(hash)) return { kind: 'REWRITTEN', sequence, entryId: row.id, explanation: `entry ${sequence} has another hash than was noted: it was rewritten, or it and those after it are missing and others were appended since` };
  return undefined;
}

const cutOff = (last: number, noted: number): string =>
  last === 0 ? `the chain is empty, and an entry ${noted} was noted: all entries are missing` : `the chain ends with entry ${last}, and an entry ${noted} was noted: the entries after ${last} are missing`;

async function checkPage(check: Check, verified: Verified, to: number): Promise<void> {
  const from = verified.head.sequence + 1;
  const until = Math.min(to, from + PAGE - 1);
  const [rows, seals] = await Promise.all([
    check.db.read((q) => q.selectFrom('sys_core_audit_entries').selectAll().where('sequence', '>=', from).where('sequence', '<=', until).orderBy('sequence').execute()),
    check.db.read((q) => q.selectFrom('sys_core_audit_seals').selectAll().where('sequence', '>=', from).where('sequence', '<=', until).execute()),
  ]);
  const sealAt = new Map(seals.map((sealed) => [sealed.sequence, sealed]));
  for (const row of rows) {
    verified.broken = gapBefore(row.sequence, verified.head.sequence) ?? (await checkLink(check, row, verified.head)) ?? checkSeal(check, row, sealAt.get(row.sequence));
    if (verified.broken) return;
    verified.head = { sequence: row.sequence, hash: row.hash };
    verified.checked++;
  }
  verified.broken = gapBefore(until + 1, verified.head.sequence);
}

function gapBefore(sequence: number, before: number): Break | undefined {
  if (sequence === before + 1) return undefined;
  const [first, last] = [before + 1, sequence - 1];
  return { kind: 'MISSING', sequence: first, explanation: first === last ? `entry ${first} is gone` : `the entries from ${first} to ${last} are gone` };
}

async function checkLink({ db }: Check, row: Row, before: Noted): Promise<Break | undefined> {
  const { sequence, id: entryId } = row;
  if (!hashEntry(row.previous, entryOfRow(row)).equals(row.hash)) return { kind: 'CHANGED', sequence, entryId, explanation: `entry ${sequence} does not have the hash of what it says: it was changed` };
  if (row.previous.equals(before.hash)) return undefined;
  const said = await db.read((q) => q.selectFrom('sys_core_audit_entries').select('sequence').where('hash', '=', row.previous).limit(1).executeTakeFirst());
  if (!said) return { kind: 'MISSING', sequence, entryId, explanation: `the entry before entry ${sequence} is gone` };
  if (said.sequence > before.sequence) return { kind: 'REORDERED', sequence, entryId, explanation: `entry ${sequence} belongs behind entry ${said.sequence}: entries were put into another order` };
  return { kind: 'INSERTED', sequence: before.sequence, explanation: `entry ${sequence} followed entry ${said.sequence}: what is between them was put in` };
}

function checkSeal({ seal }: Check, { sequence, hash, id: entryId }: Row, sealed: (Sealed & { mac: Buffer }) | undefined): Break | undefined {
  if (!sealed) return undefined;
  const mac = seal(sealed);
  if (sealed.mac.length !== mac.length || !timingSafeEqual(mac, sealed.mac)) return { kind: 'SEAL_FORGED', sequence, entryId, explanation: `the seal at entry ${sequence} was not made with this deployment's secret` };
  if (!sealed.hash.equals(hash)) return { kind: 'REWRITTEN', sequence, entryId, explanation: `entry ${sequence} has another hash than its seal says: it was rewritten, with or after an earlier one` };
  return undefined;
}
