import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { startDeployment, type TestDeployment } from '@mainstay/testing';
import { AccountsService, RegistrationService } from '../../contract/index.ts';
import { tokenTo } from '../../testing/mail.ts';
import { password } from '../../testing/people.ts';

/** Tries of each kind, after some that fill caches. */
const [TRIES, FIRST] = [200, 20];
/** So many addresses take turns, as the limits of one want it. */
const ADDRESSES = 20;
/**
 * How far the ranks of two kinds may lie apart, in standard deviations (Mann and Whitney, 1947). Of two kinds that are alike one run
 * in 150,000 comes to more; of two whose means differ by half of what one try differs from the next, more than half of all runs do.
 */
const MOST = 4.5;

const addresses = () => Array.from({ length: ADDRESSES }, () => `${crypto.randomUUID()}@example.org`);
const [known, unknown] = [addresses(), addresses()];
let deployment: TestDeployment;

before(async () => {
  deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-email': null, 'sys-accounts': { requireVerifiedEmail: true, failedLogins: 100, emailRequests: 1000, emailRequestsPerAddress: 100_000 } } });
  const [accounts, registration] = [await deployment.client(AccountsService), await deployment.client(RegistrationService)];
  for (const email of known) await accounts.registerAccount({ email, password });
  for (const email of known) await registration.verifyEmail({ token: await tokenTo(deployment, email, 'verify-email'), password });
});
after(() => deployment.stop());

/** What one request tells: status and text, without what differs from each to the next, and the milliseconds that it took. */
async function tried(path: string, body: (email: string) => object, email: string): Promise<{ told: string; took: number }> {
  const sent = JSON.stringify(body(email));
  const began = performance.now();
  const response = await deployment.fetch(path, { body: sent, method: 'POST' });
  const text = await response.text();
  return { took: performance.now() - began, told: `${response.status} ${text.replaceAll(email, '@')}` };
}

async function requireAlike(t: TestContext, path: string, body: (email: string) => object): Promise<void> {
  const times: { took: number; isKnown: boolean }[] = [];
  const told = new Set<string>();
  for (let turn = 0; turn < TRIES + FIRST; turn++) {
    // Neither always follows the other.
    for (const isKnown of Math.random() < 0.5 ? [true, false] : [false, true]) {
      const { took, told: answer } = await tried(path, body, (isKnown ? known : unknown)[turn % ADDRESSES]!);
      told.add(answer);
      if (turn >= FIRST) times.push({ took, isKnown });
    }
  }
  assert.equal(told.size, 1, `what is said tells nothing: ${[...told].join(' | ')}`);
  const apart = ranksApart(times);
  t.diagnostic(`${path}: the ranks of known and unknown addresses lie ${apart.toFixed(1)} standard deviations apart`);
  assert.ok(Math.abs(apart) < MOST, `the times tell which addresses are known: their ranks lie ${apart.toFixed(1)} standard deviations apart`);
}

/** The rank sum of the known, in standard deviations from what it would be if there were no difference. */
function ranksApart(times: readonly { took: number; isKnown: boolean }[]): number {
  const sum = times.toSorted((a, b) => a.took - b.took).reduce((total, { isKnown }, at) => total + (isKnown ? at + 1 : 0), 0);
  const mean = (TRIES * (2 * TRIES + 1)) / 2;
  return (sum - mean) / Math.sqrt((TRIES * TRIES * (2 * TRIES + 1)) / 12);
}

test('a wrong password and an unknown address are told alike, and take as long', (t) => requireAlike(t, '/v1/sessions', (email) => ({ email, password: 'not the password' })));

test('who asks for a new password learns nothing about the address', (t) => requireAlike(t, '/v1/accounts:requestPasswordReset', (email) => ({ email })));

test('who registers learns nothing about the address', (t) => requireAlike(t, '/v1/accounts', (email) => ({ email, password, displayName: 'Somebody' })));
