import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { readList } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import { Suppression_Reason, type SuppressionSchema, type SuppressionsService } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { requireAddress } from '../email-address.ts';
import { listFields } from '../list-fields.ts';
import type { EmailNeeds } from '../needs.ts';
import { suppress } from './suppress.ts';

/** Addresses that are not sent to, for operators. */
export function suppressionsService({ db, deployment }: EmailNeeds): ServiceImpl<typeof SuppressionsService> {
  return {
    async listSuppressions(request) {
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, q.selectFrom('sys_email_suppressions').selectAll(), request, { secret: deployment.secret, fields: listFields.suppressions, defaultOrder: 'create_time desc' }));
      return { suppressions: rows.map(suppressionMessage), nextPageToken, totalSize };
    },

    async createSuppression({ address, detail }) {
      const checked = requireAddress(address);
      return db.write(async (tx) => {
        const id = await suppress(tx, { address: checked, reason: 'OPERATOR', detail });
        return suppressionMessage(await tx.selectFrom('sys_email_suppressions').selectAll().where('id', '=', id).executeTakeFirstOrThrow());
      });
    },

    async deleteSuppression({ suppressionId }) {
      const deleted = await db.write((tx) => tx.deleteFrom('sys_email_suppressions').where('id', '=', suppressionId).returning('id').executeTakeFirst());
      if (!deleted) throw errors.SUPPRESSION_NOT_FOUND({ suppressionId });
      return {};
    },
  };
}

const suppressionMessage = ({ id, address, list, reason, detail, create_time }: Selectable<Tables['sys_email_suppressions']>): MessageInitShape<typeof SuppressionSchema> => ({
  suppressionId: id,
  address,
  list,
  reason: Suppression_Reason[reason],
  detail,
  createTime: timestampFromDate(create_time),
});
