import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { etagOf, offerContent, readList, requireMatch } from '@mainstay/kernel';
import { HttpBodySchema } from '@mainstay/kernel/contract/google/api/httpbody_pb.js';
import { Visibility, type FileSchema, type FilesService } from '../../contract/index.ts';
import { listFields } from '../list-fields.ts';
import { servedAs } from './content-type.ts';
import { findFile, readableFiles, requireManaged, type FileRow } from './find-file.ts';
import { contentKey, limitsOf, type FilesNeeds } from './needs.ts';
import { remove, uploadFile } from './upload-file.ts';
import { readUsage } from './usage.ts';

/** Files of an org: whoever is in it keeps some, within the org's quota. */
export function filesService(needs: FilesNeeds): ServiceImpl<typeof FilesService> {
  const { db, files, deployment } = needs;
  return {
    async uploadFile(requests, { requestHeader }) {
      return message(await uploadFile(needs, requests, requestHeader));
    },

    async *downloadFile({ fileId }, context) {
      const file = await db.read((q) => findFile(q, fileId));
      const { type: contentType, inline } = servedAs(file.content_type);
      const part = offerContent(context, { size: Number(file.size), tag: file.sha256, modified: file.create_time, name: file.name, inline });
      if (!part) return;
      if (part.length === 0) return yield create(HttpBodySchema, { contentType });
      // Opened first: that it is missing must not come after the headers of a success.
      const content = await files.read(contentKey(file.org_id, file.sha256), part);
      try {
        yield create(HttpBodySchema, { contentType });
        for await (const data of content) yield create(HttpBodySchema, { data: data as Uint8Array });
      } finally {
        content.destroy();
      }
    },

    async getFile({ fileId }) {
      return message(await db.read((q) => findFile(q, fileId)));
    },

    async listFiles(request) {
      const options = { secret: deployment.secret, fields: listFields.files, defaultOrder: 'create_time desc' };
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, readableFiles(q), request, options));
      return { files: rows.map(message), nextPageToken, totalSize };
    },

    async deleteFile({ fileId, etag }) {
      const file = await db.read((q) => findFile(q, fileId));
      requireManaged(file);
      requireMatch(onlyVersion, etag);
      await remove(needs, file);
      return {};
    },

    async getQuota() {
      const [{ bytes, files: count }, { orgBytes, orgFiles, fileBytes }] = await Promise.all([db.read(readUsage), limitsOf(needs)]);
      return { usedBytes: BigInt(bytes), allowedBytes: BigInt(orgBytes), usedFiles: BigInt(count), allowedFiles: BigInt(orgFiles), allowedFileBytes: BigInt(fileBytes) };
    },
  };
}

/** What a file is never changes; only its owner may leave it. */
const onlyVersion = 1;

const message = (row: FileRow): MessageInitShape<typeof FileSchema> => ({
  id: row.id,
  name: row.name,
  contentType: row.content_type,
  size: BigInt(row.size),
  sha256: row.sha256,
  ownerAccountId: row.owner_account_id ?? '',
  visibility: Visibility[row.visibility],
  createTime: timestampFromDate(row.create_time),
  etag: etagOf(onlyVersion, [row.sha256, row.owner_account_id]),
});
