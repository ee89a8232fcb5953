import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@mainstay/kernel/testing';
import { FaultyDeployment } from './faulty-deployment.ts';
import { PersistentWriter } from './persistent-writer.ts';
import { fill, mountSmallDisk, withoutMount } from './small-disk.ts';

test('while the disk is full, writes are refused with a reason and reads go on; with room again everything goes on by itself', { skip: withoutMount }, async (t) => {
  const disk = mountSmallDisk(t, 400);
  const deployment = await FaultyDeployment.start({ postgresFolder: join(disk, 'pg') });
  t.after(() => deployment.stop());
  const token = await deployment.token();
  const [known] = await promises(deployment, token);
  const writers = Array.from({ length: 4 }, () => new PersistentWriter(deployment));
  let over = false;
  const writing = Promise.all(writers.map((writer) => writer.writeUntil(() => over)));
  const count = () => writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  await until(() => count() >= 20, 'promises are made');

  const ballast = join(disk, 'ballast');
  fill(ballast, disk);
  // What fits into pages that are there already may still be written between two looks at the disk.
  let refusals = 0;
  await until(async () => (refusals = (await make(deployment, token, 'just before')).reason === 'kernel.DATABASE_FULL' ? refusals + 1 : 0) === 50, 'writes are refused with a reason');
  for (let look = 0; look < 20; look++) {
    // Its recovery writes: it finds the room that was kept for it.
    if (look === 10) await killAndAwait(deployment, token);
    const { status, reason } = await make(deployment, token, 'refused');
    assert.deepEqual([status, reason], [503, 'kernel.DATABASE_FULL']);
    assert.ok((await promises(deployment, token)).some(({ id }) => id === known!.id), 'what was there is read');
    await sleep(100);
  }

  truncateSync(ballast, 0);
  const before = count();
  await until(async () => count() > before + 20, 'writes go on');
  over = true;
  await writing;
  assert.deepEqual(writers.flatMap(({ complaints }) => complaints), []);
  const acknowledged = writers.flatMap((writer) => writer.acknowledged);
  const rows = await deployment.sql<{ id: string; title: string }>(`select id, title from mod_promist.mod_promist_promises where title ~ '^[0-9a-f]{8}-'`);
  assert.deepEqual(rows.map(({ id }) => id).sort(), acknowledged.map(({ id }) => id).sort());
  assert.equal((await deployment.sql(`select from mod_promist.mod_promist_promises where title = 'refused'`)).length, 0);
});

async function killAndAwait(deployment: FaultyDeployment, token: string): Promise<void> {
  const killed = deployment.postgresId;
  deployment.killPostgres();
  await until(async () => deployment.postgresId !== killed, 'PostgreSQL is started again');
  await until(() => promises(deployment, token).then(() => true, () => false), 'it reads again after PostgreSQL was killed');
}

async function make(deployment: FaultyDeployment, token: string, title: string): Promise<{ status: number; reason?: string }> {
  try {
    const response = await deployment.fetch('/v1/promises', { token, body: { title }, withinMilliseconds: 5000 });
    return { status: response.status, reason: ((await response.json()) as { reason?: string }).reason };
  } catch {
    return { status: 0 };
  }
}

async function promises(deployment: FaultyDeployment, token: string): Promise<{ id: string }[]> {
  const response = await deployment.fetch('/v1/promises?page_size=100', { token, withinMilliseconds: 5000 });
  assert.equal(response.status, 200, await response.clone().text());
  return ((await response.json()) as { promises: { id: string }[] }).promises;
}
