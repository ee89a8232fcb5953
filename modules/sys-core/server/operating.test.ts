import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { defineModule, job, reasonOf } from '@mainstay/kernel';
import { startDeployment, type TestDeployment, until } from '@mainstay/testing';
import { z } from 'zod';
import { AuditService, DeadLettersService, ModulesService, ModuleState } from '../contract/index.ts';

const root = 'root@mainstay.test';
const ops = 'ops@mainstay.test';

let failing = true;
let ran = 0;
let deployment: TestDeployment;

const probe = defineModule({
  name: 'mod-probe',
  config: z.strictObject({}),
  requires: { modules: ModulesService },
  jobs: [job('bounce', async () => {
    if (failing) throw new Error('the mail to eve@umbrella.test bounced');
    ran++;
  })],
});

before(async () => {
  deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-probe': null }, ownModules: [probe] });
});

after(() => deployment.stop());

const letters = async (as?: string) => (await deployment.client(DeadLettersService, as));

/** Queues jobs that fail for good, and waits until they did. */
async function fail(count: number): Promise<void> {
  failing = true;
  await deployment.sql("select graphile_worker.add_job('mod-probe/bounce', '{}'::json, max_attempts := 1) from generate_series(1, $1)", [count]);
  await until(async () => (await (await letters(ops)).listDeadLetters({})).deadLetters.length === count);
}

test('what failed for good is listed page by page, without the person it was about', async () => {
  await fail(5);
  const client = await letters(ops);
  const first = await client.listDeadLetters({ pageSize: 3 });
  const second = await client.listDeadLetters({ pageSize: 3, pageToken: first.nextPageToken });
  const found = [...first.deadLetters, ...second.deadLetters];
  assert.equal(second.nextPageToken, '');
  assert.equal(new Set(found.map(({ deadLetterId }) => deadLetterId)).size, 5);
  for (const { module, job: name, attempts, error } of found) {
    assert.deepEqual([module, name, attempts], ['mod-probe', 'bounce', 1]);
    assert.match(error, /^the mail to \S+ bounced/);
    assert.doesNotMatch(error, /eve@/);
  }
});

test('dead letters are found by a filter, ordered and counted', async () => {
  const client = await letters(ops);
  const all = (await client.listDeadLetters({})).deadLetters;
  const found = async (filter: string, orderBy = '') => {
    const { deadLetters, totalSize } = await client.listDeadLetters({ filter, orderBy, countTotal: true });
    assert.equal(totalSize, deadLetters.length);
    return deadLetters.map(({ deadLetterId }) => deadLetterId);
  };
  const ids = all.map(({ deadLetterId }) => deadLetterId);
  assert.deepEqual(await found('module = mod-probe AND job = bounce AND attempts = 1'), ids);
  assert.deepEqual(await found('queue_time > "2026-01-01" AND fail_time < "2100-01-01"', 'queue_time'), ids.toReversed());
  // Jobs that run side by side may fail in any order.
  const failedAt = new Map(all.map(({ deadLetterId, failTime }) => [deadLetterId, timestampDate(failTime!).getTime()]));
  const byFailure = await found('', 'fail_time');
  assert.deepEqual(byFailure.toSorted(), ids.toSorted());
  assert.deepEqual(byFailure.map((id) => failedAt.get(id)), [...failedAt.values()].toSorted((one, other) => one - other));
  for (const none of ['module = sys-core', 'job = bounced', 'attempts > 1', 'fail_time < "2026-01-01"']) assert.deepEqual(await found(none), [], none);
  const failed = failedAt.get(ids[2]!)!;
  assert.deepEqual(await found(`fail_time < "${new Date(failed + 1).toISOString()}"`, 'fail_time'), byFailure.filter((id) => failedAt.get(id)! <= failed));
  // Who may not read what an error named can not find out by asking whether it is there.
  await assert.rejects(client.listDeadLetters({ filter: 'error:eve' }), (error) => reasonOf(error) === 'kernel.INVALID_FILTER');
  await assert.rejects(client.listDeadLetters({ filter: 'eve' }), (error) => reasonOf(error) === 'kernel.INVALID_FILTER');
  await assert.rejects(client.listDeadLetters({ orderBy: 'error' }), (error) => reasonOf(error) === 'kernel.INVALID_ORDER');
  const { nextPageToken: pageToken } = await client.listDeadLetters({ pageSize: 1 });
  await assert.rejects(client.listDeadLetters({ pageSize: 1, pageToken, orderBy: 'queue_time' }), (error) => reasonOf(error) === 'kernel.BAD_PAGE_TOKEN');
});

test('a module with dead letters says so to operators', async () => {
  const client = await deployment.client(ModulesService, ops);
  const { state, requires, since, version, health } = await client.getModule({ name: 'mod-probe' });
  assert.deepEqual([state, requires, health!.healthy, health!.deadLetters], [ModuleState.RUNNING, ['sys.core.v1.ModulesService'], false, 5]);
  assert.match(health!.reasons.join(), /5 of its jobs or events failed for good; look with \.\/mainstay dead-letters list/);
  assert.ok(since);
  assert.match(version, /^\d+\.\d+\.\d+$/);
  const core = await client.getModule({ name: 'sys-core' });
  assert.deepEqual([core.health!.healthy, core.health!.reasons, core.health!.migrations[0]!.name], [true, [], '0001-audit.sql']);
  await assert.rejects(client.getModule({ name: 'mod-none' }), (error) => reasonOf(error) === 'sys-core.MODULE_NOT_FOUND' && /there are .*mod-probe/.test((error as Error).message));
  for (const person of [undefined, 'ada@acme.test', 'olga@acme.test']) await assert.rejects((await deployment.client(ModulesService, person)).getModule({ name: 'sys-core' }), (error) => ['kernel.PERMISSION_DENIED', 'kernel.UNAUTHENTICATED'].includes(reasonOf(error)!));
});

test('a dead letter has no version: a call that names one is refused before the letter is touched', async () => {
  const before = (await (await letters(ops)).listDeadLetters({})).deadLetters;
  const { deadLetterId } = before[0]!;
  failing = false;
  for (const [path, method] of [[`/v1/dead-letters/${deadLetterId}:retry`, 'POST'], [`/v1/dead-letters/${deadLetterId}`, 'DELETE']] as const) {
    for (const version of ['"wrong"', '*']) {
      const answer = await deployment.fetch(path, { as: root, method, ...(method === 'POST' && { body: {} }), headers: { 'if-match': version } });
      assert.deepEqual([answer.status, ((await answer.json()) as { reason: string }).reason], [400, 'kernel.IF_MATCH_NOT_COMPARED']);
    }
  }
  assert.deepEqual((await (await letters(ops)).listDeadLetters({})).deadLetters, before);
  assert.equal(ran, 0);
});

test('a dead letter is run again or removed by operators alone, and the audit says by whom', async () => {
  const client = await letters(ops);
  const [one, other] = (await client.listDeadLetters({})).deadLetters.map(({ deadLetterId }) => deadLetterId);
  for (const person of [undefined, 'ada@acme.test', 'olga@acme.test']) {
    const stranger = await letters(person);
    for (const call of [() => stranger.listDeadLetters({}), () => stranger.retryDeadLetter({ deadLetterId: one! }), () => stranger.discardDeadLetter({ deadLetterId: one! })]) {
      await assert.rejects(call, (error) => ['kernel.PERMISSION_DENIED', 'kernel.UNAUTHENTICATED'].includes(reasonOf(error)!));
    }
  }
  failing = false;
  await client.retryDeadLetter({ deadLetterId: one! });
  await until(async () => ran === 1);
  await (await letters(root)).discardDeadLetter({ deadLetterId: other! });
  assert.deepEqual((await client.listDeadLetters({})).deadLetters.length, 3);
  for (const deadLetterId of [one!, other!, '999999999']) {
    await assert.rejects(client.retryDeadLetter({ deadLetterId }), (error) => reasonOf(error) === 'sys-core.DEAD_LETTER_NOT_FOUND');
    await assert.rejects(client.discardDeadLetter({ deadLetterId }), (error) => reasonOf(error) === 'sys-core.DEAD_LETTER_NOT_FOUND');
  }
  const audit = await deployment.client(AuditService, root);
  await until(async () => (await audit.listAuditEntries({ method: 'sys.core.v1.DeadLettersService/RetryDeadLetter', outcome: 'OK' })).entries.length === 1);
});
