import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { defineModule, job, on, reasonOf, type CommandTools, type Database } from '@mainstay/kernel';
import { startDeployment, type TestDeployment, until } from '@mainstay/testing';
import { Command } from 'commander';
import { z } from 'zod';
import eventsGroup from '../commands/events.ts';
import { EventsService, ModulesService } from '../contract/index.ts';

const ops = 'ops@mainstay.test';
const heard: string[] = [];
const probe = defineModule({
  name: 'mod-probe',
  config: z.strictObject({}),
  requires: { modules: ModulesService },
  emits: [StringValueSchema],
  events: [on(StringValueSchema, async (_, { value }) => void heard.push(value), 'listen')],
  jobs: [job('say', async ({ db }: { db: Database<any> }, value: string) => db.write((tx) => tx.emit(StringValueSchema, { value }, { aggregate: 'x' })))],
});

let deployment: TestDeployment;
before(async () => {
  deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-probe': null }, ownModules: [probe] });
  for (const value of ['one', 'two']) await deployment.sql(`select graphile_worker.add_job('mod-probe/say', json_build_object('id', uuidv7(), 'payload', $1::text, 'traceId', repeat('0', 32)))`, [value]);
  await until(() => heard.length === 2);
});
after(() => deployment.stop());

async function run(...args: string[]) {
  const lines: string[] = [];
  const rows: Record<string, string>[] = [];
  const tools: CommandTools = { client: (service) => deployment.client(service, ops), print: (line) => void lines.push(line), table: (table) => void rows.push(...table), progress: () => {}, json: false };
  const program = new Command().exitOverride();
  eventsGroup(program.command('events').exitOverride(), tools);
  await program.parseAsync(['events', ...args], { from: 'user' });
  return { rows, text: lines.join('\n') };
}

test('a dry run tells how many events there are; a replay hands them to the handler again, and is in the audit', async () => {
  const dry = await run('replay', '--module', 'mod-probe', '--from', '1h', '--dry-run');
  assert.deepEqual(dry.rows, [{ handler: 'listen', events: '2' }]);
  assert.match(dry.text, /^nothing was done/);
  assert.equal(heard.length, 2);
  assert.match((await run('replay', '--module', 'mod-probe', '--from', '1h', '--handler', 'listen')).text, /^replay \S{36} is queued/);
  await until(() => heard.length === 4);
  await until(async () => (await deployment.sql("select from sys_core.sys_core_audit_entries where method = 'sys.core.v1.EventsService/ReplayEvents' and outcome = 'OK'")).length > 0);
});

test('a replay from before what is kept is refused with the time from which it is possible', async () => {
  await assert.rejects(run('replay', '--module', 'mod-probe', '--from', '31d'), (error: Error) => reasonOf(error) === 'sys-core.EVENTS_NOT_KEPT' && /kept since \d{4}-\d\d-\d\dT/.test(error.message));
  await assert.rejects(run('replay', '--module', 'mod-probe', '--from', '1h', '--to', '2h'), (error) => reasonOf(error) === 'sys-core.PERIOD_EMPTY');
  await assert.rejects(run('replay', '--module', 'mod-probe', '--from', '1h', '--handler', 'other'), (error) => reasonOf(error) === 'sys-core.HANDLER_UNKNOWN');
  assert.equal((await deployment.fetch('/v1/events:replay', { as: 'olga@acme.test', body: { module: 'mod-probe', fromTime: new Date().toISOString() } })).status, 403);
});

test('a replay to which a version is named is refused before anything is queued', async () => {
  const queued = () => deployment.sql("select from graphile_worker._private_jobs as jobs join graphile_worker._private_tasks as tasks on tasks.id = task_id where identifier like '%replay%'");
  const [count, before] = [heard.length, (await queued()).length];
  const answer = await deployment.fetch('/v1/events:replay', { as: ops, body: { module: 'mod-probe', fromTime: new Date(Date.now() - 3_600_000).toISOString() }, headers: { 'if-match': '"wrong"' } });
  assert.deepEqual([answer.status, ((await answer.json()) as { reason: string }).reason], [400, 'kernel.IF_MATCH_NOT_COMPARED']);
  assert.deepEqual([heard.length, (await queued()).length], [count, before]);
});

test('how far handlers are behind is told for each, for a module, and with its health', async () => {
  const { handlers } = await (await deployment.client(EventsService, ops)).listHandlerLag({ module: 'mod-probe' });
  assert.deepEqual(handlers.map(({ handler, waiting, lagSeconds }) => [handler, waiting, lagSeconds]), [['listen', 0, 0]]);
  assert.ok((await run('lag')).rows.length > 1);
  const { health } = await (await deployment.client(ModulesService, ops)).getModule({ name: 'mod-probe' });
  assert.deepEqual(health!.handlers.map(({ handler }) => handler), ['listen']);
});
