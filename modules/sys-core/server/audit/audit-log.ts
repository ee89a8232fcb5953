import { currentTime } from '@mainstay/kernel';
import type { AuditEntry, AuditLog, Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { canonicalEntry, createSealer, hashText, storableEntry, type Sealed } from './audit-chain.ts';
import { HeadKeeper, type KeeperNeeds } from './head-keeper.ts';
import type { Noted } from './verify-chain.ts';

/** New entries, and where the chain gets them. */
interface Links {
  /** Their canonical forms. */
  entries: string[];
  /** The entry before them. */
  after: number;
  /** The hash of that entry, and theirs. */
  hashes: Buffer[];
}

interface End {
  sequence: number;
  hash: string;
  /** Those of the given entries that the chain holds already. */
  known: string[];
  /** Whether the chain has the newest head that was noted. */
  holds: boolean;
}

const LOCK = 0x61756469;
const BATCH = 2000;

/** Keeps the audit as one chain, however many processes add to it; each batch is sealed in its own transaction, and its head noted (R-007). */
export function createAuditLog(needs: KeeperNeeds): AuditLog {
  const { db, deployment } = needs;
  const seal = createSealer(deployment.secret);
  const heads = new HeadKeeper(needs);
  const appendBatch = async (entries: readonly AuditEntry[]) => {
    const newest = await heads.newest();
    const { last, holds } = await db.write(async (tx) => {
      const { links, holds } = await link(tx, entries, newest);
      const last = links.entries.length > 0 ? { sequence: links.after + links.entries.length, hash: links.hashes.at(-1)! } : undefined;
      if (last) await insert(tx, links, { ...last, time: currentTime() }, seal);
      return { last, holds };
    });
    await heads.appended(last, holds);
  };
  return {
    async append(entries) {
      for (let from = 0; from < entries.length; from += BATCH) await appendBatch(entries.slice(from, from + BATCH));
    },
    stop: () => heads.stop(),
  };
}

/** Puts the entries that are new behind the end of the chain, which stays where it is until the transaction is over. */
async function link(tx: Transaction<Tables>, given: readonly AuditEntry[], newest: Noted | undefined): Promise<{ links: Links; holds: boolean }> {
  const entries = new Map(given.map((entry) => [entry.id.toLowerCase(), entry]));
  // A statement sees what was there when it began: the lock must be held before the end is read.
  const locked = sql`select pg_advisory_xact_lock(${LOCK})`.execute(tx);
  const read = sql<End>`select *, ${newest ? sql`sys_core_audit_holds(${newest.sequence}, ${newest.hash.toString('hex')})` : sql`true`} as holds from sys_core_audit_end(${[...entries.keys()]}::uuid[])`.execute(tx);
  const [, { rows: [end] }] = await Promise.all([locked, read]);
  for (const id of end!.known) entries.delete(id);
  const links: Links = { entries: [], after: end!.sequence, hashes: [Buffer.from(end!.hash, 'hex')] };
  for (const entry of entries.values()) {
    const canonical = canonicalEntry(storableEntry(entry));
    links.entries.push(canonical);
    links.hashes.push(hashText(links.hashes.at(-1)!, canonical));
  }
  return { links, holds: end!.holds };
}

async function insert(tx: Transaction<Tables>, { entries, after, hashes }: Links, sealed: Sealed, seal: (sealed: Sealed) => Buffer): Promise<void> {
  await sql`
    with sealed as (insert into sys_core_audit_seals (sequence, hash, time, mac) values (${sealed.sequence}, ${sealed.hash}, ${sealed.time}, ${seal(sealed)})),
         given as (select ${Buffer.concat(hashes)}::bytea as hashes)
    insert into sys_core_audit_entries (sequence, id, time, module, method, outcome, principal_kind, principal_id, actor_account_id, org_id, session_id, caller_module, client_address, trace_id, subjects, previous, hash)
      select ${after} + nth, id, time, module, method, outcome, principal_kind, principal_id, actor_account_id, org_id, session_id, caller_module, client_address, trace_id, subjects,
             substring(hashes from nth::integer * 32 - 31 for 32), substring(hashes from nth::integer * 32 + 1 for 32)
        from given, rows from (json_to_recordset(${`[${entries.join()}]`}::json) as (
               id uuid, time timestamptz, module text, method text, outcome text, "principalKind" text, "principalId" text, "actorAccountId" text, "orgId" uuid,
               "sessionId" text, "callerModule" text, "clientAddress" text, "traceId" text, subjects jsonb))
             with ordinality as e (id, time, module, method, outcome, principal_kind, principal_id, actor_account_id, org_id, session_id, caller_module, client_address, trace_id, subjects, nth)`.execute(tx);
}
