import assert from 'node:assert/strict';
import type { CommandTools } from '@mainstay/kernel';
import { everyTopology, type TestDeployment, until } from '@mainstay/testing';
import { Command } from 'commander';
import audit from './audit.ts';
import deadLetters from './dead-letters.ts';
import settings from './settings.ts';

const groups = { audit, 'dead-letters': deadLetters, settings };
const root = 'root@mainstay.test';
const olga = 'olga@acme.test';

/** Runs a command line as somebody of the demo, and gives what it printed. */
async function run(deployment: TestDeployment, as: string, ...args: string[]) {
  const lines: string[] = [];
  const rows: Record<string, string>[] = [];
  const tools: CommandTools = { client: (service) => deployment.client(service, as), print: (line) => void lines.push(line), table: (table) => void rows.push(...table), progress: () => {}, json: args.includes('--json') };
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const [name, add] of Object.entries(groups)) add(program.command(name).exitOverride(), tools);
  await program.parseAsync(args.filter((word) => word !== '--json'), { from: 'user' });
  return { rows, text: lines.join('\n') };
}

/** What is in the audit, and that it is broken, is nobody else's business. */
const options = { alone: 'operating' };

everyTopology('the audit is listed and shown', async (deployment) => {
  await deployment.fetch('/v1/sessions', { body: { email: 'eve@umbrella.test', password: 'wrong' } });
  const failed = () => run(deployment, root, 'audit', 'list', '--failed', '--since', '1h', '--limit', '3').then(({ rows }) => rows.length > 0 && rows);
  const rows = await until(failed, 'the failed login is in the audit');
  assert.equal(rows[0]!.who, 'nobody');
  assert.match(rows[0]!.method!, /^SessionsService\//);
  const { entries } = JSON.parse((await run(deployment, root, 'audit', 'list', '--failed', '--json')).text) as { entries: { entryId: string }[] };
  assert.ok(entries.some(({ entryId }) => entryId === rows[0]!.id));
  assert.match((await run(deployment, root, 'audit', 'show', rows[0]!.id!)).text, /^outcome +sys-accounts\./m);
  const found = await run(deployment, root, 'audit', 'list', '--filter', 'outcome != OK AND method:SessionsService', '--order-by', 'time');
  assert.ok(found.rows.length > 0 && found.rows.every(({ outcome, method }) => outcome !== 'OK' && /^SessionsService/.test(method!)));
  assert.deepEqual(found.rows.map((row) => Number(row['#'])), found.rows.map((row) => Number(row['#'])).sort((one, other) => one - other));
  const signedIn = async (...more: string[]) => run(deployment, root, 'audit', 'list', '--outcome', 'OK', '--method', 'sys.accounts.v1.SessionsService/CreateSession', ...more);
  await until(async () => (await signedIn()).rows.length > 0);
  const { entries: [newest] } = JSON.parse((await signedIn('--limit', '1', '--json')).text) as { entries: { entryId: string; subjects: Record<string, string> }[] };
  const [first, ...more] = Object.values(newest!.subjects);
  assert.ok(more.length > 0, 'signing in is about more than one thing');
  assert.equal((await signedIn()).rows.find(({ id }) => id === newest!.entryId)!.to, `${first} +${more.length}`);
  assert.match((await run(deployment, root, 'audit', 'list', '--until', '2020-01-01')).text, /no entries/);
  await assert.rejects(run(deployment, root, 'audit', 'list', '--since', 'yesterday-ish'), /Write it like/);
}, options);

everyTopology('the audit is verified, and a broken one fails with the place', async (deployment) => {
  await deployment.token(root);
  const verified = async () => /head ((\d+):[0-9a-f]{64})$/.exec((await run(deployment, 'ops@mainstay.test', 'audit', 'verify')).text);
  const [, head] = await until(async () => verified().then((found) => found && Number(found[2]) > 1 && found), 'there are entries to verify');
  assert.match((await run(deployment, 'ops@mainstay.test', 'audit', 'verify', '--from', head!)).text, /all hold/);
  await deployment.sql("update sys_core.sys_core_audit_entries set outcome = 'never' where sequence = 2");
  await assert.rejects(run(deployment, root, 'audit', 'verify'), /broken at entry 2 \(CHANGED\): entry 2 does not have the hash/);
  await assert.rejects(run(deployment, root, 'audit', 'verify', '--from', 'x'), /as an earlier check printed it/);
}, options);

everyTopology('a setting is listed, set, shown, reverted and reset, and its history is kept', async (deployment) => {
  const name = 'mod-promist.keepDeletedDays';
  const listed = await run(deployment, root, 'settings', 'list', '--module', 'mod-promist');
  assert.deepEqual(listed.rows.map(({ setting, value, source }) => [setting, value, source]), [[name, '30', 'configuration'], ['mod-promist.watchIntervalMs', '1000', 'configuration']]);
  assert.equal((await run(deployment, olga, 'settings', 'set', name, '60', '--reason', 'asked for')).text, `${name} is 60 (set for the org), version 1`);
  assert.match((await run(deployment, olga, 'settings', 'get', name)).text, /60 \(set for the org\)[^]*allowed +.*"maximum":3650[^]*etag +"1-[0-9a-z]+"/);
  await assert.rejects(run(deployment, olga, 'settings', 'set', name, '90', '--if-unchanged', '0'), /changed meanwhile/);
  assert.match((await run(deployment, olga, 'settings', 'set', name, '60', '--if-unchanged', '"1"')).text, /version 1/);
  await assert.rejects(run(deployment, olga, 'settings', 'set', name, 'many'), /can not be "many"/);
  assert.match((await run(deployment, olga, 'settings', 'revert', name, '0')).text, /is 30 \(configuration\), version 2/);
  assert.match((await run(deployment, root, 'settings', 'set', name, '31')).text, /is 31 \(set for all\)/);
  assert.equal((JSON.parse((await run(deployment, root, 'settings', 'reset', name, '--json')).text) as { value: number }).value, 30);
  const { rows } = await run(deployment, olga, 'settings', 'history', name);
  assert.deepEqual(rows.map(({ before, after, reason }) => [before, after, reason]), [['60', 'reset', 'back to version 0'], ['not set', '60', 'asked for']]);
  assert.deepEqual((await run(deployment, olga, 'settings', 'history', name, '--filter', '"asked for"', '--order-by', 'time')).rows.map(({ reason }) => reason), ['asked for']);
  assert.match((await run(deployment, root, 'settings', 'get', 'sys-core.fileQuotaMiB')).text, /set by +operators/);
  await assert.rejects(run(deployment, root, 'settings', 'get', 'keepDeletedDays'), /not the name of a setting/);
}, options);

everyTopology('dead letters are listed as they are asked for', async (deployment) => {
  assert.equal((await run(deployment, 'ops@mainstay.test', 'dead-letters', 'list', '--filter', 'module = mod-none', '--order-by', 'fail_time')).text, 'no dead letters');
  await assert.rejects(run(deployment, 'ops@mainstay.test', 'dead-letters', 'list', '--filter', 'error:eve'), /can not be filtered by error; filterable: module, job/);
}, options);

everyTopology('what is no id of a dead letter is told before anything is sent', async (deployment) => {
  for (const command of ['retry', 'discard']) await assert.rejects(run(deployment, 'ops@mainstay.test', 'dead-letters', command, '12', 'nope'), /dead-letters list/);
}, options);
