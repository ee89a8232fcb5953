import { beyondCall, commandEnd, contentTooLarge, type Transaction } from '@mainstay/kernel';
import type { UploadFileRequest } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { contentType } from './content-type.ts';
import { describeUpload, type AnnouncedFile } from './describe-upload.ts';
import { keeper, type FileRow } from './find-file.ts';
import { contentKey, limitsOf, type FilesNeeds } from './needs.ts';
import { lockContent, removeContent } from './remove-content.ts';
import { checkRoom, giveRoomBack, readUsage, takeRoom } from './usage.ts';

type Received = Awaited<ReturnType<FilesNeeds['files']['receive']>>;

/**
 * Keeps a file: its content is received and checked, then its row takes room in the org's quota, then its content is
 * kept, then the row is ready, with the command's commit. Whatever fails on the way leaves no file, and gives its room back.
 */
export async function uploadFile(needs: FilesNeeds, requests: AsyncIterable<UploadFileRequest>, header: Headers): Promise<FileRow> {
  const messages = requests[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done) throw errors.UPLOAD_EMPTY();
  const announced = describeUpload(first.value, header);
  const limits = await limitsOf(needs);
  if ((announced.size ?? 0) > limits.fileBytes) throw contentTooLarge(limits.fileBytes);
  checkRoom(await needs.db.read(readUsage), announced.size ?? 0, limits);
  const received = await needs.files.receive(contentOf(first.value, messages, limits.fileBytes));
  return keepOrDiscard(needs, announced, received);
}

async function* contentOf(first: UploadFileRequest, messages: AsyncIterator<UploadFileRequest>, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for (let { content } = first; ; ) {
    size += content?.data.length ?? 0;
    if (size > limit) throw contentTooLarge(limit);
    if (content?.data.length) yield content.data;
    const next = await messages.next();
    if (next.done) return;
    ({ content } = next.value);
  }
}

async function keepOrDiscard(needs: FilesNeeds, announced: AnnouncedFile, received: Received): Promise<FileRow> {
  let row: FileRow;
  try {
    checkAnnounced(announced, received);
    row = await insert(needs, announced, received);
  } catch (error) {
    await received.discard();
    throw error;
  }
  void removeUnlessCommitted(needs, row);
  try {
    await received.keep(contentKey(row.org_id, row.sha256));
  } catch (error) {
    await removeUnfinished(needs, row);
    throw error;
  }
  return needs.db.write((tx) => tx.updateTable('sys_core_files').set({ state: 'READY' }).where('id', '=', row.id).returningAll().executeTakeFirstOrThrow());
}

function checkAnnounced({ size, sha256 }: AnnouncedFile, received: Received): void {
  if (size !== undefined && size !== received.size) throw errors.SIZE_MISMATCH({ announced: size, received: received.size });
  if (sha256.some((each) => each !== received.sha256)) throw errors.DIGEST_MISMATCH();
}

async function insert(needs: FilesNeeds, { name, visibility, declaredType }: AnnouncedFile, { size, sha256, head }: Received): Promise<FileRow> {
  const { orgId, accountId } = keeper();
  const content_type = await contentType(head, declaredType);
  // What the org may keep can have changed while the content came.
  const limits = await limitsOf(needs);
  return needs.db.writeApart(async (tx) => {
    await lockContent(tx, orgId, sha256);
    await takeRoom(tx, size, limits);
    return tx.insertInto('sys_core_files').values({ owner_account_id: accountId, name, content_type, size, sha256, visibility }).returningAll().executeTakeFirstOrThrow();
  });
}

async function removeUnlessCommitted(needs: FilesNeeds, row: FileRow): Promise<void> {
  if (!(await commandEnd())) await removeUnfinished(needs, row);
}

/** Gives back what an upload took that was not finished, though its sender may have left. Where that fails, `collectFiles` does it. */
const removeUnfinished = ({ db }: FilesNeeds, row: FileRow): Promise<void> => beyondCall(() => db.write((tx) => removeRow(tx, row, ['STORING']))).catch(() => {});

/** Removes a file's row, and its content soon after. */
export const remove = ({ db }: Pick<FilesNeeds, 'db'>, row: FileRow): Promise<void> => db.write((tx) => removeRow(tx, row));

async function removeRow(tx: Transaction<Tables>, { id, size, sha256 }: FileRow, states: readonly FileRow['state'][] = ['STORING', 'READY']): Promise<void> {
  const { numDeletedRows } = await tx.deleteFrom('sys_core_files').where('id', '=', id).where('state', 'in', states).executeTakeFirst();
  if (numDeletedRows === 0n) return;
  await giveRoomBack(tx, Number(size));
  await tx.enqueue(removeContent, { sha256 }, { key: sha256 });
}
