import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { currentTime, newId, requireCompared, type DeploymentInfo } from '@mainstay/kernel';
import type { EventsService } from '../contract/index.ts';
import { errors } from '../errors.ts';

/** The bus, for operators; what is replayed is queued beyond their command's transaction, where each handler runs. */
export function eventsService({ deployment }: { deployment: DeploymentInfo }): ServiceImpl<typeof EventsService> {
  const { operations } = deployment;
  return {
    async listHandlerLag({ module }) {
      const [handlers, keptSince] = await Promise.all([operations.events.lag(module || undefined), operations.events.keptSince()]);
      return { handlers, keptSince: timestampFromDate(new Date(keptSince)) };
    },

    async replayEvents({ module, handler, eventType, fromTime, toTime, validateOnly }) {
      requireCompared();
      const from = timestampDate(fromTime!).toISOString();
      const to = (toTime ? timestampDate(toTime) : currentTime()).toISOString();
      const keptSince = await operations.events.keptSince();
      if (from < keptSince) throw errors.EVENTS_NOT_KEPT({ keptSince });
      if (to <= from) throw errors.PERIOD_EMPTY();
      const id = newId();
      const handlers = await operations.events.replay({ id, module, handler: handler || undefined, type: eventType || undefined, from, to, dryRun: validateOnly });
      if (handlers.length === 0) throw errors.HANDLER_UNKNOWN({ module });
      return { replayId: validateOnly ? '' : id, handlers };
    },
  };
}
