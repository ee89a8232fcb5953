import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { bootstrapFrom, runInOrg, type Transaction } from '@mainstay/kernel';
import { startDeployment, type TestDeployment, until } from '@mainstay/testing';
import { z } from 'zod';
import { NotificationsService, PromisesService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import promist from '../module.ts';
import { findOrg, type DemoNeeds } from './load-demo-promises.ts';
import type { Needs } from './needs.ts';
import { purgeDeleted } from './purge-deleted.ts';
import { enqueueAt } from './reminders/fire-reminder.ts';

const ada = 'ada@acme.test';
const minutes = 60_000;
const ago = (milliseconds: number) => new Date(Date.now() - milliseconds);

type AllNeeds = Needs & DemoNeeds;

/** A deployment whose module is given a past: `live` writes, as the module's own first data, what time would have made of it. */
async function withPast(t: TestContext, live: (tx: Transaction<Tables>, owner: string) => Promise<void>, then: (needs: AllNeeds) => Promise<void> = async () => {}): Promise<TestDeployment> {
  const load = async (needs: AllNeeds) => {
    const orgId = (await findOrg(needs.orgs, 'Acme'))!;
    await runInOrg(orgId, async () => {
      const [person] = (await needs.accounts.findAccounts({ emails: [ada] })).accounts;
      await needs.db.write((tx) => live(tx, person!.accountId));
    });
    await then(needs);
  };
  const past = { ...promist, database: { ...promist.database!, bootstrap: bootstrapFrom(new URL('../database/bootstrap.yaml', import.meta.url), z.unknown(), load) } };
  const deployment = await startDeployment({ ownModules: [past as typeof promist] });
  t.after(() => deployment.stop());
  return deployment;
}

const addPromise = async (tx: Transaction<Tables>, owner: string, title: string, deleteTime: Date | null = null) =>
  (await tx.insertInto('mod_promist_promises').values({ owner_id: owner, title, delete_time: deleteTime }).returning('id').executeTakeFirstOrThrow()).id;

test('a reminder whose time passed often while nothing ran fires once, and goes on from now', async (t) => {
  const first = ago(50 * minutes);
  const deployment = await withPast(t, async (tx, owner) => {
    const promiseId = await addPromise(tx, owner, 'Missed');
    const reminder = await tx.insertInto('mod_promist_reminders').values({ promise_id: promiseId, time: first, recurrence: 'FREQ=MINUTELY;INTERVAL=7', next_time: first }).returning('id').executeTakeFirstOrThrow();
    await enqueueAt(tx, reminder.id, first);
  });
  const client = await deployment.client(NotificationsService, ada);
  const fired = async () => (await client.listNotifications({})).notifications.map(({ fireTime }) => timestampMs(fireTime!));
  await until(async () => (await fired()).length > 0, 'it fires');
  await sleep(1000);
  assert.deepEqual(await fired(), [first.getTime()]);
  const [promise] = (await (await deployment.client(PromisesService, ada)).listPromises({})).promises;
  assert.equal(timestampMs(promise!.reminders[0]!.nextTime!), first.getTime() + 56 * minutes);
});

test('what was deleted 30 days ago is gone for good, and what was deleted later can be restored', async (t) => {
  const day = 24 * 60 * minutes;
  const deployment = await withPast(t, async (tx, owner) => {
    await addPromise(tx, owner, 'Kept');
    await addPromise(tx, owner, 'Lately', ago(29 * day));
    await addPromise(tx, owner, 'Long ago', ago(30 * day + minutes));
  }, (needs) => purgeDeleted.run(needs, undefined));
  const client = await deployment.client(PromisesService, ada);
  assert.deepEqual((await client.listPromises({ shelf: 3 })).promises.map(({ title }) => title), ['Lately']);
  assert.deepEqual((await client.listPromises({})).promises.map(({ title }) => title), ['Kept']);
});
