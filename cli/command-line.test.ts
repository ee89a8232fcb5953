import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

test('a process that can not be started alone is told in one line, with code 1', (t) => {
  const { status, stdout, stderr } = run(t, ['run', 'mod-cats', '--placement', 'sys-and-mod']);
  assert.deepEqual([status, stdout, stderr], [1, '', 'mainstay: the placement sys-and-mod has no process "mod-cats" for the modules of this deployment; there are sys-main, mod-main\n']);
  assert.match(run(t, ['run', 'mod-main']).stderr, /^mainstay: demo was never started from here.*; name it with --placement: sys-and-mod has such a process\n$/);
});

test('a call needs a running deployment and says how to start one', (t) => {
  const { status, stderr } = run(t, ['login', 'ada@acme.test']);
  assert.equal(status, 1);
  assert.equal(stderr, 'mainstay: the deployment is not running; start it with ./mainstay up\n');
});

test('a call that can not be meant is told with code 2, and nothing is done', (t) => {
  const wrong: [string[], RegExp][] = [
    [['help', 'stauts'], /unknown command 'stauts'[^]*Did you mean status\?/],
    [['stauts', '--help'], /unknown command 'stauts'/],
    [['promises', 'imprt'], /unknown command 'imprt'/],
    [['up', 'demo'], /too many arguments for 'up'/],
    [['up', '--detached'], /unknown option '--detached'/],
    [['down', '--deployment', ''], /'--deployment <file\|name>' argument '' is invalid\. It must not be empty/],
    [['call', 'ListPromises', '--as', ' '], /'--as <email>' argument ' ' is invalid/],
    [['backup'], /missing required argument 'file'/],
    [['logs', '-n', '0'], /whole number of at least 1/],
    [['logs', '-n', '1e3'], /whole number of at least 1/],
    [['restore', 'a', '--into', 'b', '--deployment', 'demo'], /--into and --deployment both name the restored deployment/],
    [['audit', 'list', '--since', '2026-02-30'], /Write it like 2026-11-30/],
    [['audit', 'verify', '--from', '0:00'], /as an earlier check printed it/],
    [['settings', 'get', 'keepDeletedDays'], /^error: "keepDeletedDays" is not the name of a setting/],
    [['settings', 'revert', 'mod-x.y', 'z'], /'z' is invalid for argument 'version'\. It must be a whole number/],
    [['dead-letters', 'retry', '0'], /as \.\/mainstay dead-letters list shows it/],
    [['promises', 'list', '--limit', '1000000'], /whole number/],
  ];
  for (const [args, message] of wrong) {
    const { status, stderr, stdout } = run(t, args);
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, message);
    assert.equal(stdout, '');
  }
});

test('files that are not there, or are something else, are told in one line with code 1', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-wrong-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const text = join(folder, 'letter.txt');
  writeFileSync(text, 'dear friend');
  const wrong: [string[], RegExp][] = [
    [['restore', text], /is not a backup of Mainstay/],
    [['restore', folder], /it is a folder; name a backup in it/],
    [['restore', join(folder, 'none')], /there is no such file/],
    [['restore', text, '--into', 'Bad_Name'], /"Bad_Name" can't be a deployment's name/],
    [['restore', text, '--deployment', text], /letter\.txt: "name" is missing or wrong/],
    [['backup', join(folder, 'no/where')], /there is no folder .*no; make it first/],
    [['backup', folder], /is a folder; name a file in it/],
    [['backup', text], /is there already; choose another name, or replace it with --force/],
    [['backup', join(folder, 'new')], /demo has no data yet; start it with \.\/mainstay up/],
    [['up', '--deployment', text], /"name" is missing or wrong/],
    [['logs', '--deployment', 'dmeo'], /there is no deployment "dmeo"/],
    [['down', '--deployment', 'dmeo'], /there is no deployment "dmeo" here/],
    [['promises', 'import', join(folder, 'none.ics')], /there is no file .*none\.ics/],
    [['promises', 'list'], /the deployment is not running; start it with \.\/mainstay up/],
  ];
  for (const [args, message] of wrong) {
    const { status, stderr } = run(t, args);
    assert.equal(status, 1, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr.split('\n').at(-2)!, message);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test('a deployment that was restored is found by its name, and told with the others', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-cli-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(join(home, 'copy'));
  writeFileSync(join(home, 'copy/deployment.yaml'), 'name: Not a name\n');
  const up = (name: string) => spawnSync(script, ['up', '--deployment', name], { cwd: tmpdir(), encoding: 'utf8', env: { ...process.env, MAINSTAY_HOME: home } });
  assert.match(up('copy').stderr, /copy\/deployment\.yaml: "name" is missing or wrong/);
  assert.match(up('cpoy').stderr, /one of these names: copy, demo/);
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
