import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { until } from '@mainstay/kernel/testing';
import pg from 'pg';
import { FaultyDeployment } from './faulty-deployment.ts';

test('while others hold every connection of PostgreSQL calls are answered that it is busy, and go on when they let go', async (t) => {
  const deployment = await FaultyDeployment.start();
  t.after(() => deployment.stop());
  const token = await deployment.token();
  const hogs = await takeEveryConnection(t, deployment);
  const refused = await Promise.all(Array.from({ length: 30 }, (_, n) => make(deployment, token, `refused ${n}`)));
  assert.deepEqual([...new Set(refused.map(({ status, reason }) => `${status} ${reason}`))], ['503 kernel.DATABASE_BUSY']);
  await Promise.all(hogs.map((hog) => hog.end()));
  await until(async () => (await make(deployment, token, 'again')).status === 200, 'it goes on');

  const made = await Promise.all(Array.from({ length: 500 }, (_, n) => make(deployment, token, `one of many ${n}`)));
  assert.deepEqual(made.filter(({ status }) => status !== 200), []);
  const { rows: titles, left } = { rows: await deployment.sql<{ count: number }>(`select count(*)::int from mod_promist.mod_promist_promises where title like 'one of many%'`), left: await deployment.sql(`select query from pg_stat_activity where state like 'idle in transaction%' and state_change < now() - interval '1 second'`) };
  assert.equal(titles[0]!.count, 500);
  assert.deepEqual(left, [], 'no transaction is left open');
  assert.deepEqual(await deployment.sql(`select from mod_promist.mod_promist_promises where title like 'refused%'`), []);
});

/** Takes what is free, ends the connections of the process, and takes those too. */
async function takeEveryConnection(t: TestContext, deployment: FaultyDeployment): Promise<pg.Client[]> {
  const hogs: pg.Client[] = [];
  t.after(() => Promise.all(hogs.map((hog) => hog.end())));
  const take = async () => {
    for (;;) {
      const hog = new pg.Client({ connectionString: deployment.adminUrl });
      hog.on('error', () => {});
      try {
        await hog.connect();
      } catch (error) {
        assert.equal((error as { code?: string }).code, '53300');
        return;
      }
      hogs.push(hog);
    }
  };
  await take();
  const mine = await Promise.all(hogs.map(async (hog) => (await hog.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid));
  for (let round = 0; round < 3; round++) {
    await hogs[0]!.query(`select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> all($1) and pid <> pg_backend_pid()`, [mine]);
    const before = hogs.length;
    await take();
    mine.push(...(await Promise.all(hogs.slice(before).map(async (hog) => (await hog.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid))));
  }
  return hogs;
}

async function make(deployment: FaultyDeployment, token: string, title: string): Promise<{ status: number; reason?: string }> {
  const response = await deployment.fetch('/v1/promises', { token, body: { title }, withinMilliseconds: 30_000 });
  const { reason } = (await response.json()) as { reason?: string };
  return { status: response.status, ...(reason && { reason }) };
}
