import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { timestampDate, timestampFromDate, timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment, until } from '@mainstay/testing';
import { Notification_Kind as Kind, Notification_State, NotificationsService, PromisesService, Reminder_Method as Method, type Notification } from '../../contract/index.ts';

const ada = 'ada@acme.test';
const soon = (milliseconds: number) => timestampFromDate(new Date(Date.now() + milliseconds));

/** Does what has to be done before a time, and again before a later one if it took too long; waits for that time. */
async function inTime<T>(milliseconds: number, work: (time: Timestamp) => Promise<T>): Promise<T> {
  const time = soon(milliseconds);
  const done = await work(time);
  const left = timestampMs(time) - Date.now();
  if (left < 0) return inTime(2 * milliseconds, work);
  await sleep(left);
  return done;
}

/** The notifications of a promise, oldest first, once there are `count`. */
async function notified(deployment: TestDeployment, promiseId: string, count = 0): Promise<Notification[]> {
  const client = await deployment.client(NotificationsService, ada);
  const found = async () => (await client.listNotifications({ pageSize: 1000 })).notifications.filter((notification) => notification.promiseId === promiseId);
  return (await until(() => found().then((all) => all.length >= count && all), `there are ${count} notifications`)).reverse();
}

everyTopology('a reminder fires once, and not before its time', async (deployment) => {
  const client = await deployment.client(PromisesService, ada);
  const time = soon(1200);
  const { id } = await client.createPromise({ promise: { title: 'Call', reminders: [{ time }, { time, method: Method.EMAIL }] } });
  const found = await notified(deployment, id, 2);
  for (const notification of found) {
    assert.equal(notification.kind, Kind.REMINDER);
    assert.deepEqual(timestampDate(notification.fireTime!), timestampDate(time));
    assert.ok(timestampMs(notification.createTime!) >= timestampMs(time), 'it fired too early');
  }
  assert.deepEqual(found.map(({ method, state }) => [method, state]).toSorted(), [[Method.APP, Notification_State.DELIVERED], [Method.EMAIL, Notification_State.WAITING]]);
  assert.ok((await client.getPromise({ promiseId: id })).reminders.every((reminder) => !reminder.nextTime));
  await sleep(1500);
  assert.equal((await notified(deployment, id)).length, 2);
});

everyTopology('a reminder that was set before a restart fires once after it, and its rule goes on from there', async (deployment) => {
  const client = await deployment.client(PromisesService, ada);
  const first = soon(1000);
  const { id } = await client.createPromise({ promise: { title: 'Every minute', reminders: [{ time: first, recurrence: 'FREQ=MINUTELY' }, { time: soon(60_000 * 60) }] } });
  await deployment.restart();
  const [missed, ...more] = await notified(deployment, id, 1);
  assert.equal(more.length, 0);
  assert.deepEqual(timestampDate(missed!.fireTime!), timestampDate(first));
  const promise = await (await deployment.client(PromisesService, ada)).getPromise({ promiseId: id });
  assert.deepEqual(promise.reminders.map((reminder) => timestampMs(reminder.nextTime!) > Date.now()), [true, true]);
  assert.equal(timestampMs(promise.reminders[0]!.nextTime!) - timestampMs(first), 60_000);
});

everyTopology('reminders that were removed, and those of kept and deleted promises, stay silent', async (deployment) => {
  const client = await deployment.client(PromisesService, ada);
  const make = (time: Timestamp) => client.createPromise({ promise: { title: 'Silent', reminders: [{ time }] } });
  const [kept, deleted, removed] = await inTime(1500, async (time) => {
    const made = [await make(time), await make(time), await make(time)] as const;
    await client.fulfillPromise({ promiseId: made[0].id });
    await client.deletePromise({ promiseId: made[1].id });
    await client.removeReminder({ promiseId: made[2].id, reminderId: made[2].reminders[0]!.id });
    return made;
  });
  await assert.rejects(client.removeReminder({ promiseId: removed.id, reminderId: removed.reminders[0]!.id }), (error) => reasonOf(error) === 'mod-promist.REMINDER_NOT_FOUND');
  await sleep(1500);
  for (const { id } of [kept, deleted, removed]) assert.equal((await notified(deployment, id)).length, 0);
});

everyTopology('a promise that is reopened after its reminder does not remind of what is past', async (deployment) => {
  const client = await deployment.client(PromisesService, ada);
  const id = await inTime(700, async (time) => {
    const made = await client.createPromise({ promise: { title: 'Past', reminders: [{ time }] } });
    await client.fulfillPromise({ promiseId: made.id });
    return made.id;
  });
  await sleep(1000);
  assert.equal((await client.reopenPromise({ promiseId: id })).reminders[0]!.nextTime, undefined);
  await sleep(1000);
  assert.equal((await notified(deployment, id)).length, 0);
});

everyTopology('who listens is told of what comes, once, and can mark it as read', async (deployment) => {
  const client = await deployment.client(PromisesService, ada);
  const ben = await deployment.client(NotificationsService, 'ben@acme.test');
  const ending = new AbortController();
  const heard: Notification[] = [];
  const listening = (async () => {
    for await (const notification of ben.watchNotifications({}, { signal: ending.signal })) if (heard.push(notification) === 2) return;
  })();
  await sleep(300);
  const { id } = await client.createPromise({ promise: { title: 'For Ben', promisee: { who: { case: 'email', value: 'ben@acme.test' } } } });
  const other = await client.createPromise({ promise: { title: 'Shared with Ben' } });
  await client.sharePromise({ promiseId: other.id, account: 'ben@acme.test' });
  await until(() => heard.length === 2, 'both are told').finally(() => ending.abort());
  await listening;
  assert.deepEqual(heard.map(({ kind, promiseId, title }) => [kind, promiseId, title]), [[Kind.MADE_TO_YOU, id, 'For Ben'], [Kind.SHARED, other.id, 'Shared with Ben']]);
  assert.equal((await ben.markRead({ notificationIds: heard.map((notification) => notification.id) })).marked, 2);
  assert.equal((await ben.markRead({ notificationIds: heard.map((notification) => notification.id) })).marked, 0);
  const unread = (await ben.listNotifications({ unread: true })).notifications.map((notification) => notification.id);
  assert.ok(heard.every((notification) => !unread.includes(notification.id)));
  assert.equal((await (await deployment.client(NotificationsService, ada)).markRead({ notificationIds: [heard[0]!.id] })).marked, 0);
});
