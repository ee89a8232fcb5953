import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { demoPassword } from '@mainstay/deploy/demo-logins';
import { type Drill, drillDeployment, script } from '@mainstay/deploy/testing';
import { Secret, TOTP } from 'otpauth';
import { Browser } from '@mainstay/sys-accounts/testing';

let drill: Drill;
let stop: () => void;

before(async () => {
  // Stopped after the last test, not after this hook.
  drill = await drillDeployment({ after: (end) => { stop = end; } });
  const { status, output } = drill.up();
  assert.equal(status, 0, output);
});

after(() => stop());

const sessions = () => join(drill.home, 'drill/sessions.json');
const email = (output: string) => (JSON.parse(output) as { email: string }).email;

test('in a demo the CLI acts as ada, or as the demo account that is named', () => {
  assert.equal(email(drill.mainstay('call', 'GetAccount', '{"accountId": "me"}').output), 'ada@acme.test');
  assert.equal(email(drill.mainstay('call', 'GetAccount', '{"accountId": "me"}', '--as', 'ben@acme.test').output), 'ben@acme.test');
  assert.equal(statSync(sessions()).mode & 0o777, 0o600);
});

test('who signs in is who the CLI acts as, until they sign out', () => {
  const { status, output } = drill.run(['login', 'eve@umbrella.test'], `${demoPassword}\n`);
  assert.equal(status, 0, output);
  assert.equal(email(drill.mainstay('call', 'GetAccount', '{"accountId": "me"}').output), 'eve@umbrella.test');
  assert.match(drill.mainstay('logout').output, /eve@umbrella\.test is signed out/);
  assert.equal(email(drill.mainstay('call', 'GetAccount', '{"accountId": "me"}').output), 'ada@acme.test');
});

/** `login` without an address: the page that it names, and what it says in the end. */
async function beginLogin(): Promise<{ page: string; ended: Promise<{ status: number; output: string }> }> {
  const child = spawn(script, ['login'], { env: drill.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const page = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part: string) => {
      output += part;
      const [, found] = /Open (\S+)\n/.exec(output) ?? [];
      if (found) resolve(found);
    });
  });
  const ended = once(child, 'close').then(([status]) => ({ status: status as number, output }));
  return { page: await Promise.race([page, ended.then(({ output }) => assert.fail(output))]), ended };
}

test('who gives no address logs in with a browser, and the session lasts', async () => {
  const { page, ended } = await beginLogin();
  const browser = new Browser(new URL(page).origin);
  const offered = await browser.submit(await browser.open(page), {});
  const confirmed = await browser.submit(offered, { confirm: 'yes' });
  assert.match((await browser.submit(confirmed, { email: 'olga@acme.test', password: demoPassword })).text, /The device is connected/);
  const { status, output } = await ended;
  assert.equal(status, 0, output);
  assert.match(output, /shows the code [A-Z]{4}-[A-Z]{4}\. [^]*signed in to drill as olga@acme\.test\n$/);
  const whole = () => JSON.parse(readFileSync(sessions(), 'utf8')) as { tokens: Record<string, { refreshToken: string; expiresAt: string }> };
  const state = whole();
  const { refreshToken } = state.tokens['olga@acme.test']!;
  state.tokens['olga@acme.test']!.expiresAt = new Date(0).toISOString();
  writeFileSync(sessions(), JSON.stringify(state));
  assert.equal(email(drill.mainstay('call', 'GetAccount', '{"accountId": "me"}').output), 'olga@acme.test');
  assert.notEqual(whole().tokens['olga@acme.test']!.refreshToken, refreshToken);
  // Whoever has just proved who they are may do what is dangerous.
  const { status: created, output: client } = drill.mainstay('call', 'CreateOAuthClient', '{"oauthClient": {"name": "Books", "grants": ["AUTHORIZATION_CODE"], "redirectUris": ["https://books.test/callback"]}}');
  assert.equal(created, 0, client);
  assert.match(drill.mainstay('logout').output, /olga@acme\.test is signed out/);
});

test('a login that is refused in the browser signs nobody in', async () => {
  const { page, ended } = await beginLogin();
  const browser = new Browser(new URL(page).origin);
  await browser.submit(await browser.submit(await browser.open(page), {}), { abort: 'yes' });
  const { status, output } = await ended;
  assert.equal(status, 1);
  assert.match(output, /mainstay: the login was refused in the browser; nobody is signed in\n$/);
});

test('a wrong password signs nobody in', () => {
  const { status, output } = drill.run(['login', 'eve@umbrella.test'], 'not-the-password\n');
  assert.equal(status, 1);
  assert.match(output, /^mainstay: .*wrong/);
  assert.doesNotMatch(output, /not-the-password/);
});

test('who has a second factor is asked for it, and may show a recovery code', () => {
  const as = ['--as', 'ben@acme.test'];
  const added = JSON.parse(drill.mainstay('call', 'CreateSecondFactor', '{"factor": "TOTP"}', ...as).output) as { secondFactor: { secondFactorId: string }; totpSecret: string };
  const codeAt = (timestamp: number) => new TOTP({ secret: Secret.fromBase32(added.totpSecret) }).generate({ timestamp });
  const { secondFactorId } = added.secondFactor;
  const confirmed = drill.mainstay('call', 'ConfirmSecondFactor', JSON.stringify({ secondFactorId, proof: { totpCode: codeAt(Date.now()) } }), ...as);
  const { recoveryCodes: [recoveryCode] } = JSON.parse(confirmed.output) as { recoveryCodes: string[] };
  assert.equal(drill.run(['login', 'ben@acme.test'], `${demoPassword}\nnot-a-recovery-code\n`).status, 1);
  for (const code of [codeAt(Date.now() + 30_000), recoveryCode]) {
    const { status, output } = drill.run(['login', 'ben@acme.test'], `${demoPassword}\n${code}\n`);
    assert.equal(status, 0, output);
    assert.equal(email(drill.mainstay('call', 'GetAccount', '{"accountId": "me"}').output), 'ben@acme.test');
  }
  drill.mainstay('call', 'DeleteSecondFactor', JSON.stringify({ secondFactorId }));
  drill.mainstay('logout');
});

test('an access token that ran out is refreshed, and one that does not hold is replaced', () => {
  drill.mainstay('call', 'ListPromises');
  const read = () => JSON.parse(readFileSync(sessions(), 'utf8')) as { tokens: Record<string, { accessToken: string; refreshToken: string; expiresAt: string }> };
  const change = (edit: Partial<ReturnType<typeof read>['tokens'][string]>) => {
    const state = read();
    Object.assign(state.tokens['ada@acme.test']!, edit);
    writeFileSync(sessions(), JSON.stringify(state));
    return state.tokens['ada@acme.test']!;
  };
  const old = change({ expiresAt: new Date(0).toISOString() });
  assert.equal(drill.mainstay('call', 'ListPromises').status, 0);
  assert.notEqual(read().tokens['ada@acme.test']!.refreshToken, old.refreshToken);
  change({ accessToken: 'x.y.z' });
  assert.equal(drill.mainstay('call', 'ListPromises').status, 0);
  assert.notEqual(read().tokens['ada@acme.test']!.accessToken, 'x.y.z');
});

test('a request with an unknown field is told with the fields that are allowed', () => {
  const { status, output } = drill.mainstay('call', 'CreatePromise', '{"promise": {"titel": "x"}}');
  assert.equal(status, 1);
  assert.match(output, /"titel" is unknown; allowed are id, title,/);
});

test('a request with an unknown value is told with the values that are allowed', () => {
  const { status, output } = drill.mainstay('call', 'ListPromises', '{"state": "MAYBE"}');
  assert.equal(status, 1);
  assert.match(output, /"MAYBE"; allowed are STATE_UNSPECIFIED, PENDING, FULFILLED, FAILED/);
});

test('a refused call is one line with its reason, which says once what is wrong with a field', () => {
  const { status, output } = drill.mainstay('call', 'CreatePromise', '{"promise": {"title": ""}}');
  assert.equal(status, 1);
  assert.match(output, /^mainstay: .*promise\.title must not be empty \(mod-promist\.INVALID_PROMISE\)\n$/);
  assert.doesNotMatch(output, /\n\s+at /);
});

test('a request is read from standard input, and a stream is printed a line a message', () => {
  const created = drill.run(['call', 'CreatePromise', '-'], '{"promise": {"title": "from standard input"}}');
  assert.equal((JSON.parse(created.output) as { title: string }).title, 'from standard input');
  const { output } = drill.mainstay('call', 'ExportPromises');
  const content = output.trim().split('\n').map((line) => Buffer.from((JSON.parse(line) as { content: string }).content, 'base64').toString()).join('');
  assert.match(content, /from standard input/);
});

test('the log is shown for people and, with --json, as it is', () => {
  assert.match(drill.mainstay('logs', '--deployment', 'drill').output, /^\d\d:\d\d:\d\d info {2}ready address=/m);
  for (const line of drill.mainstay('logs', '--json', '--deployment', 'drill').output.trim().split('\n')) JSON.parse(line);
});

test('a deployment that does not answer is told with its address, and nothing else', () => {
  const record = join(drill.home, 'drill/run.json');
  const whole = readFileSync(record, 'utf8');
  writeFileSync(record, whole.replace(/^  "address": "[^"]*"/m, '  "address": "http://localhost:9"'));
  try {
    for (const args of [['call', 'ListPromises'], ['promises', 'list']]) {
      const { status, output } = drill.mainstay(...args);
      assert.equal(status, 1);
      assert.equal(output, 'mainstay: drill does not answer at http://localhost:9; look with ./mainstay status\n');
    }
    assert.match(drill.run(['login', 'eve@umbrella.test'], `${demoPassword}\n`).output, /^mainstay: http:\/\/localhost:9 does not answer \(.*\); look with/);
  } finally {
    writeFileSync(record, whole);
  }
});

test('an import of which a part was refused ends with 1, and says what', () => {
  const { status, output } = drill.run(['promises', 'import', '-'], '[{"title": "good"}, {"title": ""}]');
  assert.equal(status, 1);
  assert.match(output, /line 1 refused: [^]*imported 1, updated 0, unchanged 0, refused 1\nmainstay: 1 of 2 were refused, the others are imported/);
  assert.equal(drill.run(['promises', 'import', '-'], '[{"title": "good"}]').status, 0);
  assert.match(drill.mainstay('promises', 'import', '--help').output, /exit code is 0 only if nothing was\s+refused, else 1/);
});

test('help of a group of a module names its commands', () => {
  const { status, output } = drill.mainstay('promises', '--help');
  assert.equal(status, 0);
  for (const name of ['import', 'export', 'list', 'add', 'keep', 'break']) assert.match(output, new RegExp(`^  ${name} `, 'm'));
});
