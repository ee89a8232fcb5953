import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { testDatabase, type TestDatabase, until } from '@mainstay/kernel/testing';
import { startMailServer, type TakenEmail } from './mail-server.ts';

const MANY = 200;
let database: TestDatabase;
let folder: string;
let child: ChildProcess | undefined;
const secret = randomBytes(32).toString('hex');
const server = await startMailServer();

before(async () => {
  database = await testDatabase();
  folder = mkdtempSync(join(tmpdir(), 'mainstay-emails-'));
});

afterEach(kill);

after(async () => {
  await server.stop();
  await database.drop();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<string> {
  child = fork(new URL('./sending-process.ts', import.meta.url), [database.adminUrl, database.name, secret, folder, String(server.port), '2'], { execArgv: [] });
  const [address] = await once(child, 'message') as [string];
  return address;
}

async function kill(): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function send(address: string, to: string): Promise<string> {
  const wanted = { to, template: 'mod-probe/code', values: { code: '428117' }, sender: 'LOGIN', priority: Math.random() < 0.5 ? 'HIGH' : 'LOW' };
  const answer = await fetch(`${address}/v1/echo/send`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ stringValue: JSON.stringify(wanted) }) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json() as { text: string }).text;
}

const idOf = ({ email }: TakenEmail): string => /^<([^@]+)@/.exec(email.messageId!)![1]!;
const ended = async () => (await database.sql<{ count: number }>("select count(*)::int as count from sys_email.sys_email_emails where state = 'SENT'"))[0]!.count;

test('a process that is killed twice among two hundred e-mails loses none, and the mail server takes each once', async () => {
  const address = await start();
  let isHolding = false;
  let held = 0;
  const hold = () => {
    held++;
    return new Promise<undefined>(() => {});
  };
  // It has the whole message, and does not say that it takes it.
  server.answers.toMessage = () => (isHolding ? hold() : undefined);
  const ids: string[] = [];
  for (let at = 0; at < MANY; at += 20) {
    ids.push(...await Promise.all(Array.from({ length: 20 }, (_, number) => send(address, `person-${at + number}@acme.test`))));
    if (at === 60) isHolding = true;
  }
  await until(() => held >= 8, 'every connection is in the midst of a message');
  await kill();
  const before = server.taken.length;
  assert.ok(before < MANY);
  held = 0;
  await start();
  await until(() => held >= 8, 'what was in the midst of its way, or others, are there again');
  await kill();
  isHolding = false;
  await start();
  await until(() => server.taken.length >= MANY, () => `${MANY} are taken: ${server.taken.length} are`);
  await until(async () => (await ended()) === MANY, 'all are noted as sent');
  assert.deepEqual(server.taken.map(idOf).sort(), ids.sort());
});

test('what was taken in the moment before a kill comes once more, the same to the last byte', async () => {
  const address = await start();
  const given: TakenEmail[] = [];
  server.answers.toMessage = (one) => {
    given.push(one);
    // The server has it, and its answer does not arrive.
    return given.length === 1 ? new Promise<undefined>(() => {}) : undefined;
  };
  const id = await send(address, 'ada@acme.test');
  await until(() => given.length === 1, 'it is handed over');
  await kill();
  await start();
  await until(async () => (await ended()) === MANY + 1, 'it is noted as sent');
  assert.deepEqual(given.map(idOf), [id, id]);
  assert.equal(given[0]!.raw.toString(), given[1]!.raw.toString());
});
