import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const script = join(import.meta.dirname, '../mainstay');

function run(t: TestContext, args: string[], { command = script, cwd = tmpdir() } = {}) {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-cli-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, MAINSTAY_HOME: home } });
}

test('help names the commands', (t) => {
  const { status, stdout } = run(t, ['--help']);
  assert.equal(status, 0);
  for (const name of ['up', 'down', 'status', 'logs', 'dev', 'test', 'login', 'logout', 'call']) assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
});

test('help says what the commands of modules are for, and the help of a command what it does', (t) => {
  assert.match(run(t, ['--help']).stdout, /^  promises +make promises, and keep them$/m);
  assert.match(run(t, ['promises', 'keep', '--help']).stdout, /^Mark promises as kept\.$/m);
});

test('an unknown command gets a suggestion and code 2', (t) => {
  const { status, stderr } = run(t, ['stauts']);
  assert.equal(status, 2);
  assert.match(stderr, /Did you mean status\?/);
});

test('a wrong argument says what is allowed, with code 2', (t) => {
  const { status, stderr } = run(t, ['up', '--port', '70000']);
  assert.equal(status, 2);
  assert.match(stderr, /number from 0 to 65535/);
});

test('a deployment that does not exist is told with those that do, with code 1', (t) => {
  for (const command of ['up', 'status']) {
    const { status, stderr } = run(t, [command, '--deployment', 'dmeo']);
    assert.equal(status, 1, command);
    assert.match(stderr, /there is no deployment "dmeo".*demo/);
  }
  assert.equal(run(t, ['status', '--deployment', 'demo']).stdout, 'demo is not running\n');
});

test('a call needs a running deployment and says how to start one', (t) => {
  const { status, stderr } = run(t, ['login', 'ada@acme.test']);
  assert.equal(status, 1);
  assert.equal(stderr, 'mainstay: the deployment is not running; start it with ./mainstay up\n');
});

test('status of nothing is nothing, also for programs', (t) => {
  assert.match(run(t, ['status']).stdout, /nothing has been started/);
  assert.deepEqual(JSON.parse(run(t, ['status', '--json']).stdout), { deployments: [] });
});

test('the script works through a symlink in a folder with spaces', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'main stay '));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const link = join(folder, 'm s');
  symlinkSync(script, link);
  assert.equal(run(t, ['status'], { command: link, cwd: folder }).status, 0);
});
