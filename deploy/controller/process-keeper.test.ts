import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@mainstay/kernel/testing';
import { launchProcess, type LaunchedProcess } from './launch-process.ts';
import { isAlive } from './process-info.ts';
import { backOff, ProcessKeeper } from './process-keeper.ts';

const serves = "process.send({ type: 'ready', address: 'http://localhost:1' }); process.on('SIGTERM', () => process.exit(0)); process.on('disconnect', () => process.exit(0));";

/** A keeper of a program with this source, which a test may rewrite. */
function keep(t: TestContext, source: string, waitForChange = false) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-keeper-'));
  const program = join(folder, 'program.ts');
  const log = join(folder, 'log');
  writeFileSync(program, source);
  const said: string[] = [];
  const launched: LaunchedProcess[] = [];
  const announced: string[] = [];
  const launch = () => {
    const process = launchProcess({ program, args: [], environment: globalThis.process.env, log, announce: (line) => announced.push(line) });
    launched.push(process);
    return process;
  };
  const keeper = new ProcessKeeper({ launch, say: (text) => said.push(text), changed: () => {}, ...(waitForChange && { waitForChange }) });
  t.after(async () => {
    await keeper.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return { keeper, program, log, said, launched, announced };
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

test('why a process refuses to start is told', async (t) => {
  const { keeper } = keep(t, "process.send({ type: 'failed', message: 'no module is named' }); process.exitCode = 1; process.disconnect();");
  await assert.rejects(keeper.start(), { name: 'OperatorError', message: 'no module is named' });
});

test('a program that Node cannot read is told with its place', async (t) => {
  const { keeper } = keep(t, 'const = 1;');
  await assert.rejects(keeper.start(), /program\.ts:1[^]*const = 1/);
});

test('while developing, a broken program waits until it is mended', async (t) => {
  const { keeper, program, said, launched } = keep(t, serves, true);
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
