import { sql, type Kysely } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { Limits } from './needs.ts';

/** What the files of the call's org come to. */
export async function readUsage(q: Pick<Kysely<Tables>, 'selectFrom'>): Promise<{ bytes: number; files: number }> {
  const row = await q.selectFrom('sys_core_file_usage').select(['bytes', 'files']).executeTakeFirst();
  return { bytes: Number(row?.bytes ?? 0), files: Number(row?.files ?? 0) };
}

/** Throws if a file of that size would not fit now. */
export function checkRoom({ bytes, files }: { bytes: number; files: number }, size: number, { orgBytes, orgFiles }: Limits): void {
  if (files + 1 > orgFiles) throw errors.FILE_COUNT_REACHED({ used: files, allowed: orgFiles });
  if (bytes + size > orgBytes) throw errors.FILE_QUOTA_REACHED({ used: bytes, allowed: orgBytes, size });
}

/** Adds a file to what its org uses, or throws: the row is locked, so that no two files take the same room. */
export async function takeRoom(tx: Kysely<Tables>, size: number, limits: Limits): Promise<void> {
  await sql`insert into sys_core_file_usage (bytes, files) values (0, 0) on conflict do nothing`.execute(tx);
  const row = await tx.selectFrom('sys_core_file_usage').select(['bytes', 'files']).forUpdate().executeTakeFirstOrThrow();
  checkRoom({ bytes: Number(row.bytes), files: Number(row.files) }, size, limits);
  await changeUsage(tx, size, 1);
}

/** Gives the room of files back. */
export const giveRoomBack = (tx: Kysely<Tables>, size: number, files = 1): Promise<void> => changeUsage(tx, -size, -files);

async function changeUsage(tx: Kysely<Tables>, bytes: number, files: number): Promise<void> {
  await tx.updateTable('sys_core_file_usage').set({ bytes: sql`bytes + ${bytes}`, files: sql`files + ${files}` }).where('org_id', '=', sql<string>`mainstay.current_org()`).execute();
}
