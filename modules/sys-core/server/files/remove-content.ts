import { currentCall, job } from '@mainstay/kernel';
import { mayRemoveContents } from '@mainstay/kernel/files';
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { contentKey, type FilesNeeds } from './needs.ts';

/**
 * Held by whoever is about to keep a content or to remove it, so that none is removed that a new file counts on.
 * It ends with the transaction; a file's row is there before its content is kept, so the next one to ask sees it.
 */
export async function lockContent(tx: Kysely<Tables>, orgId: string, sha256: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${contentKey(orgId, sha256)}, 0))`.execute(tx);
}

/** Removes a content of the org that no file has any more. */
export const removeContent = job<Pick<FilesNeeds, 'db' | 'files'>, { sha256: string }>('remove-content', async ({ db, files }, { sha256 }) => {
  const { principal } = currentCall();
  if (principal.kind === 'anonymous' || !principal.orgId) throw new Error('a content is removed in its org');
  await removeUnused(db, files, principal.orgId, sha256);
});

/** Removes a content unless a file has it. Returns whether it did. */
export const removeUnused = (db: FilesNeeds['db'], files: FilesNeeds['files'], orgId: string, sha256: string): Promise<boolean> =>
  db.write(async (tx) => {
    if (!(await mayRemoveContents(tx))) throw new Error('contents are not removed while a backup reads them: this is tried again');
    await lockContent(tx, orgId, sha256);
    const used = await tx.selectFrom('sys_core_files').select('id').where('org_id', '=', orgId).where('sha256', '=', sha256).limit(1).executeTakeFirst();
    if (!used) await files.remove(contentKey(orgId, sha256));
    return !used;
  });
