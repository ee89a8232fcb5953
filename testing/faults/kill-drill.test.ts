import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@mainstay/kernel/testing';
import { FaultyDeployment, type FaultyRequest } from './faulty-deployment.ts';
import { PersistentWriter, type Acknowledged } from './persistent-writer.ts';

const kills = Number(process.env.MAINSTAY_KILLS ?? 18);

test(`after ${kills} kills of the process, of PostgreSQL or of both under load, all that was acknowledged took effect once`, async (t) => {
  const deployment = await FaultyDeployment.start();
  t.after(() => deployment.stop());
  const session = await deployment.token();
  const writers = Array.from({ length: 8 }, () => new PersistentWriter(deployment));
  let over = false;
  const writing = Promise.all(writers.map((writer) => writer.writeUntil(() => over)));
  for (let kill = 0; kill < kills; kill++) {
    const before = count(writers);
    await sleep(Math.random() * 800);
    if (kill % 3 !== 1) deployment.killProcess();
    if (kill % 3 !== 0) deployment.killPostgres();
    // Two of three kills come while it recovers from the one before.
    if (kill % 3 !== 2) continue;
    await deployment.serves();
    await until(() => count(writers) >= before + 10, 'writes go on');
  }
  await deployment.serves();
  over = true;
  await writing;
  assert.deepEqual(writers.flatMap(({ complaints }) => complaints), []);
  await queueIsEmpty(deployment);
  const acknowledged = writers.flatMap((writer) => writer.acknowledged);
  await judge(deployment, acknowledged);
  await judgeTraces(deployment, acknowledged, session);
});

const count = (writers: readonly PersistentWriter[]) => writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);

/** Waits until nothing is due any more: neither events, nor jobs, nor reminders, nor records on their way into the audit. */
async function queueIsEmpty(deployment: FaultyDeployment): Promise<void> {
  const waiting = `
    select t.identifier, j.attempts, j.run_at, j.locked_at, j.last_error from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
      where (j.key is null or j.key not in (select identifier from graphile_worker._private_known_crontabs)) and (j.attempts > 0 or j.run_at < now() + interval '1 minute')
    union all select 'record of ' || method, 0, time, null, null from mod_promist.mod_promist_commands where not collected`;
  let left: object[] = [];
  await until(async () => (left = await deployment.sql(waiting)).length === 0, () => `nothing waits any more: ${JSON.stringify(left.slice(0, 10))}`);
}

async function judge(deployment: FaultyDeployment, acknowledged: readonly Acknowledged[]): Promise<void> {
  const rows = await deployment.sql<{ id: string; title: string; state: string }>(`select id, title, state from mod_promist.mod_promist_promises where title ~ '^[0-9a-f]{8}-'`);
  const byTitle = Map.groupBy(rows, ({ title }) => title);
  assert.deepEqual([...byTitle.values()].filter((same) => same.length > 1), [], 'a command was applied twice');
  assert.equal(rows.length, acknowledged.length);
  for (const { key, id, fulfilled } of acknowledged) {
    const [row] = byTitle.get(key) ?? [];
    assert.ok(row, `the acknowledged promise ${key} is lost`);
    assert.equal(row.id, id);
    assert.equal(row.state, fulfilled ? 'FULFILLED' : 'PENDING');
  }
  const fulfilled = acknowledged.filter((entry) => entry.fulfilled).map(({ id }) => id);
  const reminded = acknowledged.flatMap(({ reminderId }) => reminderId ?? []);
  const all = acknowledged.map(({ id }) => id);
  await sawOnce(deployment, 'made', all);
  await sawOnce(deployment, 'job', all);
  await sawOnce(deployment, 'fulfilled', fulfilled);
  await sawOnce(deployment, 'reminded', reminded);
  const told = await deployment.sql<{ reminder_id: string }>(`select reminder_id from mod_promist.mod_promist_notifications where reminder_id = any($1)`, [reminded]);
  assert.deepEqual(told.map((row) => row.reminder_id).sort(), reminded.toSorted());
  const audited = await deployment.sql<{ id: string; times: number }>(`select c.id, (select count(*)::int from sys_core.sys_core_audit_entries a where a.id = c.id) as times from mod_promist.mod_promist_commands c where c.outcome = 'OK'`);
  assert.ok(audited.length >= all.length + fulfilled.length);
  assert.deepEqual(audited.filter(({ times }) => times !== 1), [], 'a command is not in the audit once');
}

/** The chain of the audit is whole, each command left one event, no transaction is open, and a repeat gets the first answer. */
async function judgeTraces(deployment: FaultyDeployment, acknowledged: readonly Acknowledged[], session: string): Promise<void> {
  const verified = await ask(deployment, '/v1/audit:verify?max_entries=1000000', { token: await deployment.token('root@mainstay.test') }) as { complete?: boolean; broken?: unknown };
  assert.deepEqual([verified.complete, verified.broken], [true, undefined]);
  const announced = await deployment.sql<{ subject: string }>(`select subject from mod_promist.mod_promist_outbox where type like '%PromiseMade' and subject = any($1)`, [acknowledged.map(({ id }) => id)]);
  assert.deepEqual(announced.map(({ subject }) => subject).sort(), acknowledged.map(({ id }) => id).sort());
  assert.deepEqual(await deployment.sql(`select query from pg_stat_activity where state like 'idle in transaction%' and state_change < now() - interval '1 second'`), []);
  for (const { id, key } of acknowledged.filter(({ reminderId }) => !reminderId).slice(-20)) {
    const again = await ask(deployment, '/v1/promises', { token: session, key, body: { title: key, reminders: [] } }) as { id: string };
    assert.equal(again.id, id, 'a repeat gets the first answer, in a session from before the kills');
  }
}

async function ask(deployment: FaultyDeployment, path: string, request: FaultyRequest): Promise<unknown> {
  const response = await deployment.fetch(path, request);
  const answer = await response.text();
  assert.equal(response.status, 200, answer);
  return JSON.parse(answer);
}

async function sawOnce(deployment: FaultyDeployment, what: string, subjects: readonly string[]): Promise<void> {
  const rows = await deployment.sql<{ subject: string }>('select subject from mod_witness.mod_witness_sights where what = $1', [what]);
  const seen = Map.groupBy(rows, ({ subject }) => subject);
  const wrong = subjects.filter((subject) => seen.get(subject)?.length !== 1).map((subject) => `${subject} ${seen.get(subject)?.length ?? 0} times`);
  assert.deepEqual(wrong, [], `"${what}" was not seen once`);
}
