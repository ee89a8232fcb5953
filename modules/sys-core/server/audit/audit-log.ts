import { currentTime } from '@mainstay/kernel';
import type { AuditEntry, AuditLog, Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { createSealer, hashEntry, storableEntry, type Sealed } from './audit-chain.ts';
import { HeadKeeper, type KeeperNeeds } from './head-keeper.ts';
import type { Noted } from './verify-chain.ts';

interface Link extends AuditEntry {
  sequence: number;
  previous: Buffer;
  hash: Buffer;
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
      const last = links.at(-1);
      if (last) await insert(tx, links, { sequence: last.sequence, hash: last.hash, time: currentTime() }, seal);
      return { last, holds };
    });
    await heads.appended(last && { sequence: last.sequence, hash: last.hash }, holds);
  };
  return {
    async append(entries) {
      for (let from = 0; from < entries.length; from += BATCH) await appendBatch(entries.slice(from, from + BATCH));
    },
    stop: () => heads.stop(),
  };
}

/** Puts the entries that are new behind the end of the chain, which stays where it is until the transaction is over. */
async function link(tx: Transaction<Tables>, given: readonly AuditEntry[], newest: Noted | undefined): Promise<{ links: Link[]; holds: boolean }> {
  const entries = new Map(given.map(storableEntry).map((entry) => [entry.id, entry]));
  // A statement sees what was there when it began: the lock must be held before the end is read.
  const locked = sql`select pg_advisory_xact_lock(${LOCK})`.execute(tx);
  const read = sql<End>`select *, ${newest ? sql`sys_core_audit_holds(${newest.sequence}, ${newest.hash.toString('hex')})` : sql`true`} as holds from sys_core_audit_end(${[...entries.keys()]}::uuid[])`.execute(tx);
  const [, { rows: [end] }] = await Promise.all([locked, read]);
  for (const id of end!.known) entries.delete(id);
  let sequence = end!.sequence;
  let previous: Buffer = Buffer.from(end!.hash, 'hex');
  const links = [...entries.values()].map((entry) => {
    const hash = hashEntry(previous, entry);
    const made = { ...entry, sequence: ++sequence, previous, hash };
    previous = hash;
    return made;
  });
  return { links, holds: end!.holds };
}

async function insert(tx: Transaction<Tables>, links: readonly Link[], sealed: Sealed, seal: (sealed: Sealed) => Buffer): Promise<void> {
  const rows = links.map((link) => ({ ...link, previous: link.previous.toString('hex'), hash: link.hash.toString('hex') }));
  await sql`
    with sealed as (insert into sys_core_audit_seals (sequence, hash, time, mac) values (${sealed.sequence}, ${sealed.hash}, ${sealed.time}, ${seal(sealed)}))
    insert into sys_core_audit_entries (sequence, id, time, module, method, outcome, principal_kind, principal_id, actor_account_id, org_id, session_id, caller_module, client_address, trace_id, subjects, previous, hash)
      select sequence, id, time, module, method, outcome, "principalKind", "principalId", "actorAccountId", "orgId", "sessionId", "callerModule", "clientAddress", "traceId", subjects, decode(previous, 'hex'), decode(hash, 'hex')
        from json_to_recordset(${JSON.stringify(rows)}::json) as e (
          sequence bigint, id uuid, time timestamptz, module text, method text, outcome text, "principalKind" text, "principalId" text, "actorAccountId" text, "orgId" uuid,
          "sessionId" text, "callerModule" text, "clientAddress" text, "traceId" text, subjects jsonb, previous text, hash text)`.execute(tx);
}
