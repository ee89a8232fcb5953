import type { ServiceImpl } from '@connectrpc/connect';
import type { Database, DeploymentInfo } from '@mainstay/kernel';
import { AuditBreak_Kind, type AuditService, type VerifyAuditRequest } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { chainStart, createSealer } from './audit-chain.ts';
import { auditMessage } from './audit-message.ts';
import { openHeadNote, type NoteNeeds, type ReadNote } from './head-note.ts';
import { listEntries } from './list-entries.ts';
import { verifyChain, type Noted, type Verified } from './verify-chain.ts';

interface Needs {
  db: Database<Tables>;
  deployment: DeploymentInfo;
}

const USUAL_LIMIT = 100_000;

/** What was done, and whether what is kept of it still holds. */
export function auditService({ db, deployment }: Needs): ServiceImpl<typeof AuditService> {
  const seal = createSealer(deployment.secret);
  return {
    async listAuditEntries(request) {
      const { rows, nextPageToken, totalSize } = await listEntries(db, deployment.secret, request);
      return { entries: rows.map(auditMessage), nextPageToken, totalSize };
    },

    async getAuditEntry({ entryId }) {
      const row = await db.read((q) => q.selectFrom('sys_core_audit_entries').selectAll().where('id', '=', entryId).executeTakeFirst());
      if (!row) throw errors.AUDIT_ENTRY_NOT_FOUND({ entryId });
      return auditMessage(row);
    },

    async verifyAudit({ after, maxEntries }) {
      // Read first: the chain may grow meanwhile.
      const { head: noted, none } = await readNote({ db, deployment });
      const verified = await verifyChain(db, { after: notedIn(after), limit: maxEntries || USUAL_LIMIT, noted, seal });
      return { ...answer(verified), endNotCompared: (verified.complete && none) || '' };
    },
  };
}

async function readNote(needs: NoteNeeds): Promise<ReadNote> {
  try {
    const note = await openHeadNote(needs);
    return note ? await note.read() : { none: 'this process has no data folder, so no head was noted' };
  } catch (error) {
    return { none: `the database does not tell which one it is: ${(error as Error).message}` };
  }
}

function notedIn(after: VerifyAuditRequest['after']): Noted {
  const { sequence = 0n, hash = '' } = after ?? {};
  if ((sequence === 0n) !== (hash === '')) throw errors.AUDIT_POSITION_INCOMPLETE();
  return { sequence: Number(sequence), hash: sequence === 0n ? chainStart : Buffer.from(hash, 'hex') };
}

const answer = ({ checked, head, complete, broken }: Verified) => ({
  checked: BigInt(checked),
  head: { sequence: BigInt(head.sequence), hash: head.sequence === 0 ? '' : head.hash.toString('hex') },
  complete,
  ...(broken && { broken: { ...broken, kind: AuditBreak_Kind[broken.kind], sequence: BigInt(broken.sequence) } }),
});
