import { cron, currentTime } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { FilesNeeds } from './needs.ts';
import { removeUnused } from './remove-content.ts';

const hourMs = 3_600_000;
/** An upload is over long before: no sender may be silent for more than half a minute. */
const interruptedMs = 24 * hourMs;

/**
 * Removes what crashes left, in every org: rows whose content was never kept, with the room they took; contents that
 * no row has; and parts of uploads on this machine.
 */
export const collectFiles = cron<Pick<FilesNeeds, 'db' | 'files'>>('collect-files', '41 2 * * *', async ({ db, files }) => {
  const before = new Date(currentTime().getTime() - interruptedMs);
  await db.write((tx) => removeInterrupted.execute(tx).then(() => {}));
  for await (const { key, modified } of files.list()) {
    const [orgId, sha256] = key.split('/');
    if (orgId && sha256 && modified < before) await removeUnused(db, files, orgId, sha256);
  }
  await files.removeRemnants(before);
});

const removeInterrupted = sql`
  with gone as (delete from sys_core_files where state = 'STORING' and create_time < now() - ${interruptedMs} * interval '1 millisecond' returning org_id, size),
       room as (select org_id, sum(size) as bytes, count(*) as files from gone group by org_id)
  update sys_core_file_usage as used set bytes = used.bytes - room.bytes, files = used.files - room.files from room where used.org_id = room.org_id`;
