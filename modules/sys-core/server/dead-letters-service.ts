import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { requireCompared, type DeploymentInfo } from '@mainstay/kernel';
import type { DeadLettersService } from '../contract/index.ts';
import { errors } from '../errors.ts';
import { listFields } from './list-fields.ts';

/** What failed for good, for operators to run again or to remove, which the queue does beyond their command's transaction. */
export function deadLettersService({ deployment }: { deployment: DeploymentInfo }): ServiceImpl<typeof DeadLettersService> {
  const { deadLetters } = deployment.operations;
  return {
    async listDeadLetters(request) {
      const { rows, nextPageToken, totalSize } = await deadLetters.list(request, { secret: deployment.secret, fields: listFields.deadLetters, defaultOrder: 'queue_time desc' });
      return { deadLetters: rows.map(({ id, queuedAt, failedAt, ...letter }) => ({ ...letter, deadLetterId: id, queueTime: timestampFromDate(queuedAt), failTime: timestampFromDate(failedAt) })), nextPageToken, totalSize };
    },

    async retryDeadLetter({ deadLetterId }) {
      requireCompared();
      if (!(await deadLetters.retry(deadLetterId))) throw errors.DEAD_LETTER_NOT_FOUND({ deadLetterId });
      return {};
    },

    async discardDeadLetter({ deadLetterId }) {
      requireCompared();
      if (!(await deadLetters.discard(deadLetterId))) throw errors.DEAD_LETTER_NOT_FOUND({ deadLetterId });
      return {};
    },
  };
}
