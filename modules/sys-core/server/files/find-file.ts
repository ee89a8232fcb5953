import { currentCall } from '@mainstay/kernel';
import { sql, type Kysely, type Selectable } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { rolesThatCount } from '../decide.ts';

export type FileRow = Selectable<Tables['sys_core_files']>;
type Reader = Pick<Kysely<Tables>, 'selectFrom'>;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Who keeps files here: the org of the call, and the account, unless a module works for itself. */
export function keeper(): { orgId: string; accountId: string | null; managesAll: boolean } {
  const { principal } = currentCall();
  if (principal.kind === 'anonymous' || !principal.orgId) throw errors.FILES_NEED_ORG();
  if (principal.kind === 'module') return { orgId: principal.orgId, accountId: null, managesAll: true };
  return { orgId: principal.orgId, accountId: principal.accountId, managesAll: rolesThatCount(principal).includes('ADMIN') };
}

/** The files that the caller may read: their own, those for the whole org, and every one for an administrator; no file is in two of the queries. */
export function readableFiles(q: Reader) {
  const { accountId, managesAll } = keeper();
  // A literal, so that a plan that is kept can use the indexes of ready files.
  const ready = q.selectFrom('sys_core_files').selectAll().where('state', '=', sql.lit('READY'));
  if (managesAll) return [ready];
  return [ready.where('visibility', '=', 'ORG'), ready.where('visibility', '=', 'PRIVATE').where('owner_account_id', '=', accountId)];
}

/** A file that the caller may read. Throws `FILE_NOT_FOUND` for any other. */
export async function findFile(q: Reader, fileId: string): Promise<FileRow> {
  const { accountId, managesAll } = keeper();
  const row = uuid.test(fileId) ? await q.selectFrom('sys_core_files').selectAll().where('id', '=', fileId).where('state', '=', 'READY').executeTakeFirst() : undefined;
  if (!row || !(managesAll || row.visibility === 'ORG' || row.owner_account_id === accountId)) throw errors.FILE_NOT_FOUND({ fileId });
  return row;
}

/** Throws `FILE_NOT_YOURS` unless the caller may change the file. */
export function requireManaged({ owner_account_id: owner }: FileRow): void {
  const { accountId, managesAll } = keeper();
  if (!managesAll && owner !== accountId) throw errors.FILE_NOT_YOURS();
}
