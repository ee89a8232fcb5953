import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CommandTools } from '@mainstay/kernel';
import { OrgsService, Role } from '@mainstay/sys-accounts/contract';
import { isSigned, startDeployment, startReceiver, type TestDeployment, until } from '@mainstay/testing';
import { Command } from 'commander';
import webhooks from './webhooks.ts';

const olga = 'olga@acme.test';
const folder = mkdtempSync(join(tmpdir(), 'mainstay-log-'));
const logFile = join(folder, 'log');
const receiver = await startReceiver();
let deployment: TestDeployment;

before(async () => {
  deployment = await startDeployment({ logFile, modules: { 'sys-core': { webhooks: { waitSeconds: [0] } }, 'sys-accounts': null, 'sys-email': null } });
});

after(async () => {
  await deployment.stop();
  receiver.stop();
  rmSync(folder, { recursive: true });
});

async function run(...args: string[]) {
  const lines: string[] = [];
  const rows: Record<string, string>[] = [];
  const tools: CommandTools = { client: (service) => deployment.client(service, olga), print: (line) => void lines.push(line), table: (table) => void rows.push(...table), progress: () => {}, json: false };
  const program = new Command().exitOverride();
  webhooks(program.command('webhooks').exitOverride(), tools);
  await program.parseAsync(['webhooks', ...args], { from: 'user' });
  return { rows, text: lines.join('\n') };
}

test('an administrator subscribes an address, tries it, and looks after what is sent; no secret is in the log', async () => {
  const event = 'sys.accounts.v1.MembershipChanged';
  assert.ok((await run('events')).rows.some((row) => row.event === event && row.module === 'sys-accounts'));
  const added = await run('add', `${receiver.url}/hook?key=value-that-nobody-knows`, event, '--description', 'our books');
  const [, id, secret] = /endpoint (\S+)[^]*(whsec_\S+)/.exec(added.text)!;
  assert.deepEqual((await run('list')).rows.map((row) => [row.id, row.state, row.events, row.description]), [[id, 'enabled', event, 'our books']]);
  assert.match((await run('show', id!)).text, /state +enabled/);
  assert.match((await run('test', id!)).text, /^taken, with 204/);
  assert.ok(isSigned(secret!, receiver.taken[0]!.headers, receiver.taken[0]!.body));

  const newest = /whsec_\S+/.exec((await run('rotate', id!)).text)![0];
  receiver.answer = (_, response) => void response.writeHead(500).end('broken');
  await until(async () => (await deployment.sql("select from mainstay.subscriptions where handler = 'webhooks'")).length > 0, 'it is told of events');
  const orgs = await deployment.client(OrgsService, olga);
  const acme = (await orgs.listOrgs({})).orgs.find(({ name }) => name === 'Acme');
  const { members } = await orgs.listMembers({ orgId: acme!.orgId });
  await orgs.grantRole({ orgId: acme!.orgId, accountId: members.find(({ email }) => email.startsWith('ben@'))!.accountId, role: Role.ADMIN });
  const failed = await until(() => run('deliveries', '--endpoint', id!, '--outcome', 'failed').then(({ rows }) => rows.length > 0 && rows));
  assert.deepEqual(failed.map((row) => [row.event, row.tries]), [[event, '1']]);
  assert.match((await run('delivery', failed[0]!.id!)).text, /is failed\n.*it answered 500 .*: broken/);
  await assert.rejects(run('test', id!), /did not take the test/);

  receiver.answer = (_, response) => void response.writeHead(204).end();
  await run('redeliver', failed[0]!.id!);
  await until(async () => (await run('deliveries', '--outcome', 'delivered')).rows.length === 2);
  assert.match((await run('delivery', failed[0]!.id!)).text, /is delivered/);
  assert.match((await run('disable', id!)).text, /state +disabled/);
  assert.match((await run('enable', id!)).text, /state +enabled/);
  await run('remove', id!);
  assert.equal((await run('list')).text, 'no endpoints');

  const log = readFileSync(logFile, 'utf8');
  assert.match(log, /has started/);
  for (const hidden of [secret!, newest]) for (const written of [hidden, hidden.slice('whsec_'.length)]) assert.ok(!log.includes(written));
  assert.ok(!log.includes('value-that-nobody-knows'));
});
