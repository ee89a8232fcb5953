import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { decodePageToken, encodePageToken, type DeploymentInfo } from '@mainstay/kernel';
import type { DeadLettersService } from '../contract/index.ts';
import { errors } from '../errors.ts';

const USUAL_SIZE = 50;

/** What failed for good, for operators to run again or to remove. */
export function deadLettersService({ deployment }: { deployment: DeploymentInfo }): ServiceImpl<typeof DeadLettersService> {
  const { deadLetters } = deployment.operations;
  return {
    async listDeadLetters({ $typeName: list, pageSize, pageToken }) {
      const position = { list, query: null };
      const [before] = pageToken ? (decodePageToken(deployment.secret, pageToken, position) as [string]) : [];
      const size = pageSize || USUAL_SIZE;
      const found = await deadLetters.list(size + 1, before);
      const shown = found.slice(0, size);
      const nextPageToken = found.length > size ? encodePageToken(deployment.secret, { ...position, cursor: [shown.at(-1)!.id] }) : '';
      return { deadLetters: shown.map(({ id, queuedAt, failedAt, ...letter }) => ({ ...letter, deadLetterId: id, queueTime: timestampFromDate(queuedAt), failTime: timestampFromDate(failedAt) })), nextPageToken };
    },

    async retryDeadLetter({ deadLetterId }) {
      if (!(await deadLetters.retry(deadLetterId))) throw errors.DEAD_LETTER_NOT_FOUND({ deadLetterId });
      return {};
    },

    async discardDeadLetter({ deadLetterId }) {
      if (!(await deadLetters.discard(deadLetterId))) throw errors.DEAD_LETTER_NOT_FOUND({ deadLetterId });
      return {};
    },
  };
}
