import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asAdministrator, until } from '@mainstay/kernel/testing';
import { AccountsService, SessionsService } from '@mainstay/sys-accounts/contract';
import { ModulesService } from '@mainstay/sys-core/contract';
import { startDeployment, type TestDeployment } from '../index.ts';
import { recordStatements, rowsLookedAt, tablesOf, type Sent } from './plans.ts';

const MANY = 100_000;
const DEAD = MANY / 100;
const METRICS = 'group by module, kind';
const LAG = 'as "lagSeconds"';
/** What each statement that looks at the queue is known by. */
const looks = {
  'to take jobs': 'skip locked',
  'to let the events of one aggregate wait for their turn': `payload ->> 'subject'`,
  'to give back the jobs of killed processes': 'pg_locks',
  'for the metrics': METRICS,
  'for the lag of handlers': LAG,
  'for the health of a module': 'as waiting',
  'for dead letters': 'as failed_at',
};

let deployment: TestDeployment;
let recording: ReturnType<typeof recordStatements>;

before(async () => {
  deployment = await startDeployment();
  await deployment.sql(`insert into graphile_worker._private_job_queues (queue_name) select 'sys-core:' || n from generate_series(0, 15) n on conflict do nothing`);
  await deployment.sql(`
    insert into graphile_worker._private_jobs (task_id, job_queue_id, payload, run_at, attempts, max_attempts)
      select tasks.id, queues.id, json_build_object('id', uuidv7(), 'subject', gen_random_uuid(), 'data', repeat(md5(n::text), 12)), now() + interval '1 year', case when n % $2::int = 0 then 12 else 0 end, 12
        from generate_series(1, $1::int) n join graphile_worker._private_job_queues as queues on queue_name = 'sys-core:' || n % 16 join graphile_worker._private_tasks as tasks on identifier = 'sys-core/on:sys.accounts.v1.AccountClosed'`, [MANY, MANY / DEAD]);
  await deployment.sql('vacuum analyze');
  recording = recordStatements();
});

after(async () => {
  recording.stop();
  await deployment.stop();
});

/** What other modules handle. */
async function closeAnAccount(): Promise<void> {
  const account = { email: 'leaver@example.org', password: 'correct horse battery' };
  await (await deployment.client(AccountsService)).registerAccount({ ...account, displayName: 'Somebody' });
  const { accessToken } = await (await deployment.client(SessionsService)).createSession(account);
  await (await deployment.client(AccountsService, accessToken)).closeAccount({ accountId: 'me', password: account.password });
}

const sentFor = (mark: string): Sent[] => recording.sent.filter(({ text }) => text.includes('graphile_worker') && text.includes(mark));

test(`no statement reads the whole queue while ${MANY} deliveries wait in it`, async () => {
  await fetch(`${deployment.operatorsAddress}/metrics`);
  await (await deployment.client(ModulesService, 'root@mainstay.test')).getModule({ name: 'sys-core' });
  await deployment.fetch('/v1/dead-letters', { as: 'root@mainstay.test' });
  await closeAnAccount();
  const unasked = () => Object.entries(looks).filter(([, mark]) => sentFor(mark).length === 0).map(([why]) => why);
  await until(() => unasked().length === 0, () => `the queue is asked ${unasked().join(', ')}`);
  await asAdministrator(deployment.database, async (client) => {
    for (const [why, mark] of Object.entries(looks)) {
      const statement = sentFor(mark)[0]!;
      const { scanned } = await tablesOf(client, statement);
      assert.ok(!scanned.has('_private_jobs'), `all of the queue is read ${why}: ${statement.text}`);
      // To count what waits is to read an index of it.
      if (mark !== METRICS && mark !== LAG) assert.ok(await rowsLookedAt(client, statement, '_private_jobs') < 2 * DEAD, `too much of the queue is looked at ${why}: ${statement.text}`);
    }
  });
});
