import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { nestedKey, startAnew } from '../commands/nested-key.ts';
import { currentCall, runInCall, type Call } from '../guard/call.ts';
import { LedgerService } from '../testing/contract/gen/mainstay/testing/v1/ledger_pb.js';
import { runInOrg } from './run-in-org.ts';

const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()];
const call = (key?: string): Call => ({ principal: { kind: 'module', module: 'mod-test' }, traceId: '1'.repeat(32), idempotencyKey: key });

/** The keys of the commands that work calls in these orgs, two in each. */
const keysIn = async (as: Call, orgIds: readonly string[]) => {
  const keys: (string | undefined)[] = [];
  await runInCall(as, async () => {
    for (const orgId of orgIds) await runInOrg(orgId, async () => void keys.push(...[1, 2].map(() => nestedKey(currentCall(), LedgerService.method.writeLine))));
  });
  return keys;
};

test('commands that are called in an org have the same keys when the work is tried again, whatever other orgs it enters', async () => {
  const first = await keysIn(call('a job'), [one, two, one]);
  assert.equal(new Set(first).size, 6);
  assert.deepEqual(await keysIn(call('a job'), [one, three, two, one]), [...first.slice(0, 2), ...(await keysIn(call('a job'), [three])), ...first.slice(2)]);
  assert.equal(new Set([...first, ...(await keysIn(call('another job'), [one, two, one]))]).size, 12);
});

test('the same call that is tried again begins to count anew', async () => {
  const job = call('a job');
  const first = await keysIn(job, [one]);
  startAnew(job);
  assert.deepEqual(await keysIn(job, [one]), first);
});

test('work without a key gives none', async () => {
  assert.deepEqual(await keysIn(call(), [one]), [undefined, undefined]);
});
