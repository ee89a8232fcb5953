import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@mainstay/kernel/testing';
import { FaultyDeployment } from './faulty-deployment.ts';

const HOUR = 3_600_000;
const jumps = { 'an hour ahead': HOUR, 'an hour back': -HOUR, 'a day ahead': 24 * HOUR, 'a day back': -24 * HOUR };

test('however the clock of the process jumps, sessions last, keys and pages hold, times are right and each reminder comes once', async (t) => {
  const deployment = await FaultyDeployment.start();
  t.after(() => deployment.stop());
  const token = await deployment.token();
  const client = clientOf(deployment, token);
  const first = await client('/v1/promises', { title: 'before' }, 'key-before');
  const page = (await client('/v1/promises?page_size=1')).nextPageToken as string;
  const reminded: string[] = [];
  for (const [name, jump] of Object.entries(jumps)) {
    deployment.jumpClock(jump);
    await sleep(200);
    assert.equal((await client('/v1/promises', { title: 'before' }, 'key-before')).id, first.id, `a key holds ${name}`);
    assert.equal(((await client(`/v1/promises?page_size=1&page_token=${encodeURIComponent(page)}`)).promises as unknown[]).length, 1, `a page token holds ${name}`);
    const time = new Date(Date.now() + 2500).toISOString();
    const made = await client('/v1/promises', { title: name, reminders: [{ time }] });
    assert.ok(Math.abs(Date.parse(made.createTime as string) - Date.now()) < HOUR / 2, `the time of a promise is right ${name}: ${made.createTime}`);
    const fresh = clientOf(deployment, await deployment.token());
    await fresh(`/v1/promises/${(await fresh('/v1/promises', { title: `${name}, signed in then` })).id}:fulfill`, {});
    const [reminder] = made.reminders as { id: string }[];
    reminded.push(reminder!.id);
    await told(deployment, reminder!.id, name);
    deployment.jumpClock(0);
    await fresh('/v1/promises');
    await client('/v1/promises');
  }
  const rows = await deployment.sql<{ reminder_id: string }>('select reminder_id from mod_promist.mod_promist_notifications where reminder_id = any($1)', [reminded]);
  assert.deepEqual(rows.map((row) => row.reminder_id).sort(), reminded.toSorted());
});

type Answer = Record<string, unknown>;

const clientOf = (deployment: FaultyDeployment, token: string) => async (path: string, body?: object, key?: string): Promise<Answer> => {
  const response = await deployment.fetch(path, { token, body, key });
  const answer = (await response.json()) as Answer;
  assert.ok(response.ok, `${path}: ${JSON.stringify(answer)}`);
  return answer;
};

const told = (deployment: FaultyDeployment, reminderId: string, when: string) =>
  until(async () => (await deployment.sql(`select from mod_promist.mod_promist_notifications where reminder_id = $1`, [reminderId])).length > 0, `a reminder comes ${when}`);
