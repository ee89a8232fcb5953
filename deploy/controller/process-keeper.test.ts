import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@mainstay/kernel/testing';
import { HeldSockets } from './held-sockets.ts';
import { launchProcess, type LaunchedProcess } from './launch-process.ts';
import { isAlive } from './process-info.ts';
import { backOff, type KeeperChange, ProcessKeeper } from './process-keeper.ts';

const serves = "process.send({ type: 'ready', address: 'http://localhost:1' }); process.on('SIGTERM', () => process.exit(0)); process.on('disconnect', () => process.exit(0));";

/** A keeper of a program with this source, which a test may rewrite. */
function keep(t: TestContext, source: string, { waitForChange = false, mustAnswer = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-keeper-'));
  const program = join(folder, 'program.ts');
  const log = join(folder, 'log');
  writeFileSync(program, source);
  const said: string[] = [];
  const launched: LaunchedProcess[] = [];
  const announced: string[] = [];
  const changes: KeeperChange[] = [];
  const launch = () => {
    const process = launchProcess({ program, args: [], environment: globalThis.process.env, log, sockets: new HeldSockets(() => []).lend(), announce: (line) => announced.push(line), mustAnswer });
    launched.push(process);
    return process;
  };
  const keeper = new ProcessKeeper({ launch, say: (text) => said.push(text), changed: (change) => void changes.push(change), ...(waitForChange && { waitForChange }) });
  t.after(async () => {
    await keeper.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return { keeper, program, log, said, launched, announced, changes };
}

test('a process that serves gives its address and ends when it is stopped', async (t) => {
  const { keeper, launched } = keep(t, serves);
  assert.equal(await keeper.start(), 'http://localhost:1');
  await keeper.stop();
  assert.equal(isAlive(launched[0]!.identity), false);
  assert.equal(launched.length, 1);
});

test('a process that is killed is started again, and that is said', async (t) => {
  const { keeper, launched, said } = keep(t, serves);
  await keeper.start();
  process.kill(launched[0]!.identity.pid, 'SIGKILL');
  await until(() => said.some((line) => line.startsWith('started again')));
  assert.match(said[0]!, /killed by SIGKILL/);
  assert.equal(launched.length, 2);
});

test('a process that had served is started again at once, unless it fails again and again', async (t) => {
  const { keeper, launched, said } = keep(t, serves);
  await keeper.start();
  const ends = () => said.filter((line) => line.startsWith('the process does not run'));
  for (const times of [1, 2, 3, 4]) {
    process.kill(launched.at(-1)!.identity.pid, 'SIGKILL');
    await until(() => ends().length === times && (times > 3 || said.filter((line) => line.startsWith('started again')).length === times));
  }
  assert.deepEqual(ends().map((line) => line.split('\n')[1]), ['starting it again at once', 'starting it again at once', 'starting it again at once', 'starting it again in 4.0 s']);
});

test('a process that answers nothing any more is killed and started again, and that is said', async (t) => {
  const { keeper, launched, said } = keep(t, `process.on('message', ({ type }) => type === 'there?' && process.send({ type: 'here' })); ${serves}`, { mustAnswer: true });
  await keeper.start();
  await sleep(4000);
  assert.equal(launched.length, 1, 'one that answers is left alone');
  process.kill(launched[0]!.identity.pid, 'SIGSTOP');
  await until(() => said.some((line) => line.startsWith('started again')));
  assert.match(said[0]!, /it answered nothing for 2\.5 s\nstarting it again at once/);
  assert.equal(launched.length, 2);
});

test('why a process refuses to start is told', async (t) => {
  const { keeper } = keep(t, "process.send({ type: 'failed', message: 'no module is named' }); process.exitCode = 1; process.disconnect();");
  await assert.rejects(keeper.start(), { name: 'OperatorError', message: 'no module is named' });
});

test('a program that Node cannot read is told with its place', async (t) => {
  const { keeper } = keep(t, 'const = 1;');
  await assert.rejects(keeper.start(), /program\.ts:1[^]*const = 1/);
});

test('while developing, a broken program waits until it is mended', async (t) => {
  const { keeper, program, said, launched } = keep(t, serves, { waitForChange: true });
  await keeper.start();
  writeFileSync(program, 'const = 1;');
  await keeper.restart();
  await until(() => said.some((line) => line.includes('waiting for a change')));
  const tries = launched.length;
  await sleep(700);
  assert.equal(launched.length, tries);
  writeFileSync(program, serves);
  await keeper.restart();
  await until(() => said.some((line) => line.startsWith('started again')));
});

test('a process that is stopped while it starts does not come back', async (t) => {
  const { keeper, launched } = keep(t, 'setInterval(() => {}, 1000);');
  const started = assert.rejects(keeper.start());
  await until(() => launched.length === 1);
  await keeper.stop();
  await started;
  assert.equal(isAlive(launched[0]!.identity), false);
});

test('an announced line reaches the operator and not the log', async (t) => {
  const { keeper, announced, log } = keep(t, `process.send({ type: 'announce', line: 'the password is x1y2' }); ${serves}`);
  await keeper.start();
  assert.deepEqual(announced, ['the password is x1y2']);
  assert.equal(readFileSync(log, 'utf8').includes('x1y2'), false);
});

test('the wait between tries doubles up to half a minute', () => {
  assert.deepEqual([1, 2, 3, 7, 50].map(backOff), [500, 1000, 2000, 30_000, 30_000]);
});

test('a process gives its place to another as soon as that serves', async (t) => {
  const { keeper, launched, changes } = keep(t, serves);
  await keeper.start();
  const [first] = launched;
  await keeper.replace();
  assert.equal(launched.length, 2);
  assert.equal(isAlive(first!.identity), false);
  assert.equal(isAlive(launched[1]!.identity), true);
  const of = (process: LaunchedProcess | undefined) => (process ? launched.indexOf(process) : undefined);
  assert.deepEqual(changes.map(({ state, process, ready, beside }) => [state, of(process), ready !== undefined, of(beside)]), [
    ['starting', 0, false, undefined],
    ['running', 0, true, undefined],
    ['running', 0, false, 1],
    ['running', 1, true, 0],
    ['running', 1, false, undefined],
  ]);
});

test('a process that can not start takes no place: the one that runs goes on', async (t) => {
  const { keeper, program, launched, said } = keep(t, serves);
  await keeper.start();
  writeFileSync(program, "process.send({ type: 'failed', message: 'the file is wrong' }); process.exit(1);");
  await assert.rejects(keeper.replace(), /the file is wrong/);
  assert.equal(isAlive(launched[0]!.identity), true);
  assert.equal(launched.length, 2);
  assert.deepEqual(said, []);
});

test('one that took the place of another is kept as it was', async (t) => {
  const { keeper, launched } = keep(t, serves);
  await keeper.start();
  await keeper.replace();
  process.kill(launched[1]!.identity.pid, 'SIGKILL');
  await until(() => launched.length === 3 && isAlive(launched[2]!.identity));
  await launched[2]!.ready;
  assert.equal(launched.length, 3);
});

test('a process that waits for its next try is replaced at once', async (t) => {
  const { keeper, program, launched, said } = keep(t, serves);
  await keeper.start();
  writeFileSync(program, 'process.exit(1);');
  process.kill(launched[0]!.identity.pid, 'SIGKILL');
  await until(() => said.some((text) => text.includes('code 1')));
  writeFileSync(program, serves);
  await keeper.replace();
  const alive = launched.filter(({ identity }) => isAlive(identity));
  assert.equal(alive.length, 1);
  await sleep(1500);
  assert.deepEqual(launched.filter(({ identity }) => isAlive(identity)), alive, 'nothing is started beside it');
});

test('stopping while another is about to take the place ends both', async (t) => {
  const { keeper, program, launched } = keep(t, serves);
  await keeper.start();
  writeFileSync(program, "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000);");
  const replaced = assert.rejects(keeper.replace(), /did not start/);
  await keeper.stop();
  await replaced;
  assert.deepEqual(launched.map(({ identity }) => isAlive(identity)), [false, false]);
});
