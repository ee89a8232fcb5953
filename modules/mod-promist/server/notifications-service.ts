import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceImpl } from '@connectrpc/connect';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { caller, currentTime, queryFields, readList } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import { Notification_Kind, Notification_State, Reminder_Method, NotificationSchema, type NotificationsService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import type { Needs, Reader } from './needs.ts';
import { isUuid } from './row-text.ts';

type Row = Selectable<Tables['mod_promist_notifications']>;

/** A transaction may commit a while after the time that its rows bear; so long is looked back. */
const lateMs = 10_000;

/** Ids come in the order of time. */
const fields = queryFields(NotificationSchema, { kind: 'kind', promise_id: { column: 'promise_id', uuid: true }, state: 'state', create_time: { column: 'create_time', order: 'id' }, read_time: 'read_time' });

/** What the caller is told. */
export function notificationsService({ db, settings, deployment }: Needs): ServiceImpl<typeof NotificationsService> {
  return {
    async listNotifications(request) {
      const options = { secret: deployment.secret, fields, defaultOrder: 'create_time desc' };
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, request.unread ? own(q).where('read_time', 'is', null) : own(q), request, options));
      return { notifications: rows.map(message), nextPageToken, totalSize };
    },

    async markRead({ notificationIds }) {
      const ids = notificationIds.filter(isUuid);
      const result = await db.write((tx) => {
        const query = tx.updateTable('mod_promist_notifications').set({ read_time: currentTime() }).where('account_id', '=', caller().accountId).where('read_time', 'is', null);
        return (notificationIds.length ? query.where('id', 'in', ids.length ? ids : [noId]) : query).executeTakeFirst();
      });
      return { marked: Number(result.numUpdatedRows) };
    },

    async *watchNotifications(_, { signal }) {
      const told = new Map<string, number>();
      // What is older than the call belongs to the list.
      for (const { id, create_time } of await db.read((q) => since(q, new Date(currentTime().getTime() - lateMs)))) told.set(id, create_time.getTime());
      while (!signal.aborted) {
        const from = currentTime().getTime() - lateMs;
        for (const row of await db.read((q) => since(q, new Date(from)))) {
          if (!told.has(row.id)) yield message(row);
          told.set(row.id, row.create_time.getTime());
        }
        for (const [id, time] of told) if (time < from - lateMs) told.delete(id);
        await pause(await settings.get('watchIntervalMs'), undefined, { signal }).catch(() => {});
      }
    },
  };
}

const noId = '00000000-0000-0000-0000-000000000000';

const own = (q: Reader) => q.selectFrom('mod_promist_notifications').selectAll().where('account_id', '=', caller().accountId);

const since = (q: Reader, from: Date): Promise<Row[]> => own(q).where('create_time', '>', from).orderBy('create_time').orderBy('id').execute();

const message = (row: Row): MessageInitShape<typeof NotificationSchema> => ({
  id: row.id,
  kind: Notification_Kind[row.kind],
  promiseId: row.promise_id,
  title: row.title,
  method: Reminder_Method[row.method],
  state: Notification_State[row.state],
  ...(row.fire_time && { fireTime: timestampFromDate(row.fire_time) }),
  createTime: timestampFromDate(row.create_time),
  ...(row.read_time && { readTime: timestampFromDate(row.read_time) }),
});
