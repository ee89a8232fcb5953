import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import fc from 'fast-check';
import { didNotRun, markNotRun } from '../remote/not-run.ts';
import { EchoService } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { failureOf } from '../testing/failure-of.ts';
import { callSettings, callsByDefault, type CallSettings } from './calls-config.ts';
import { isFailureOfPeer, mayRepeat } from './may-repeat.ts';
import { Resilience } from './resilience.ts';
import { RetryBudget } from './retry-budget.ts';

const { getEcho: query, createEcho: command, count: stream } = EchoService.method;
const quick = (changes: object = {}): CallSettings => callSettings.parse({ retries: { firstPauseMs: 1, longestPauseMs: 2, ...(changes as { retries?: object }).retries }, ...Object.fromEntries(Object.entries(changes).filter(([name]) => name !== 'retries')) });

/** An error as the transport makes it, or as the peer said it. */
function failure(code: Code, { wire = false, notRun = false } = {}): ConnectError {
  const error = new ConnectError('failed', code);
  error.isWireError = wire;
  return notRun ? markNotRun(error) : error;
}

const codes = fc.constantFrom(...Object.values(Code).filter((code): code is Code => typeof code === 'number'));
const methods = fc.constantFrom<DescMethod>(query, command, stream);

test('only a call without an answer is repeated, and only if it reads or has a key', async () => {
  await fc.assert(fc.asyncProperty(codes, methods, fc.option(fc.string(), { nil: undefined }), fc.boolean(), fc.boolean(), async (code, method, idempotencyKey, wire, notRun) => {
    const error = failure(code, { wire, notRun });
    const expected = code === Code.Unavailable && !wire && !notRun && (method === query || (method === command && !!idempotencyKey));
    assert.equal(mayRepeat(error, method, idempotencyKey), expected);
    let attempts = 0;
    await failureOf(new Resilience(quick()).run('peer', { method, idempotencyKey }, () => (attempts++, Promise.reject(error))));
    assert.equal(attempts, expected ? 3 : 1);
  }), { numRuns: 300 });
});

test('what a peer answers is none of its failures, whatever it says', () => {
  fc.assert(fc.property(codes, (code) => {
    assert.equal(isFailureOfPeer(failure(code, { wire: true })), false);
    assert.equal(isFailureOfPeer(failure(code)), code === Code.Unavailable || code === Code.DeadlineExceeded);
  }));
  assert.equal(isFailureOfPeer(new Error('a fault of ours')), false);
});

test('a call that is repeated with success is answered', async () => {
  const resilience = new Resilience(quick());
  let attempts = 0;
  const answer = await resilience.run('peer', { method: query }, async () => {
    if (++attempts < 3) throw failure(Code.Unavailable);
    return 'answer';
  });
  assert.deepEqual([answer, attempts, resilience.standings()[0]!.counts.retries], ['answer', 3, 2]);
});

test('repeats never exceed their part of the calls and what is to spare', () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(50), fc.array(fc.boolean(), { maxLength: 2000 }), (share, spare, steps) => {
    const budget = new RetryBudget(share, spare);
    let [calls, repeats] = [0, 0];
    for (const isCall of steps) {
      if (isCall) {
        budget.called();
        calls++;
      } else if (budget.take()) repeats++;
      assert.ok(repeats <= spare + share * calls + 1e-6, `${repeats} repeats of ${calls} calls`);
    }
  }));
});

test('a peer that fails all its calls gets no more than the budget on top', async () => {
  const resilience = new Resilience(quick({ retries: { most: 10, budgetPercent: 10, spare: 5 }, breaker: { leastCalls: 100_000 } }));
  let attempts = 0;
  for (let call = 0; call < 100; call++) await failureOf(resilience.run('peer', { method: query }, () => (attempts++, Promise.reject(failure(Code.Unavailable)))));
  assert.ok(attempts > 100 && attempts <= 115, `${attempts} attempts`);
  assert.ok(resilience.standings()[0]!.counts.unaffordable > 0);
});

test('nothing is repeated whose caller left or has no time', async () => {
  for (const call of [{ signal: { aborted: true } }, { timeoutMs: 0 }]) {
    let attempts = 0;
    await failureOf(new Resilience(quick()).run('peer', { method: query, ...call }, () => (attempts++, Promise.reject(failure(Code.Unavailable)))));
    assert.equal(attempts, 1);
  }
});

test('a call without a deadline has that of the settings, and each repeat what is left', async () => {
  const left: (number | undefined)[] = [];
  await failureOf(new Resilience(quick({ timeoutSeconds: 7 })).run('peer', { method: query }, (timeoutMs) => (left.push(timeoutMs), Promise.reject(failure(Code.Unavailable)))));
  assert.equal(left[0], 7000);
  assert.ok(left[1]! < left[0]! && left[2]! < left[1]!, String(left));
});

test('a peer that does not answer is left alone, and tried again after a moment', async () => {
  const resilience = new Resilience(quick({ breaker: { leastCalls: 5, windowSeconds: 1, openMs: 50 } }));
  const call = (answer: () => Promise<string>) => resilience.run('peer', { method: command }, answer);
  let attempts = 0;
  const fail = () => (attempts++, Promise.reject(failure(Code.Unavailable)));
  for (let one = 0; one < 50; one++) await failureOf(call(fail));
  const [standing] = resilience.standings();
  assert.equal(standing!.breaker, 'open');
  assert.ok(attempts < 50, `${attempts} attempts`);
  const refused = await failureOf(call(fail));
  assert.deepEqual([refused.code, didNotRun(refused)], [Code.Unavailable, true]);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(await call(async () => 'answer'), 'answer');
  assert.equal(resilience.standings()[0]!.breaker, 'closed');
  assert.equal(await resilience.run('other', { method: command }, async () => 'answer'), 'answer');
});

test('too few calls, or refusals that the peer gives, leave it in use', async () => {
  const resilience = new Resilience(quick({ breaker: { leastCalls: 50, windowSeconds: 10 } }));
  for (let one = 0; one < 10; one++) await failureOf(resilience.run('few', { method: command }, () => Promise.reject(failure(Code.Unavailable))));
  for (let one = 0; one < 500; one++) await failureOf(resilience.run('refusing', { method: command }, () => Promise.reject(failure(one % 2 ? Code.NotFound : Code.Unavailable, { wire: true }))));
  assert.deepEqual(resilience.standings().map(({ breaker }) => breaker), ['closed', 'closed']);
});

test('calls beyond those that may be under way are refused at once, and did not run', async () => {
  const resilience = new Resilience(quick({ mostAtOnce: 2 }));
  const { promise, resolve } = Promise.withResolvers<string>();
  const running = [1, 2].map(() => resilience.run('peer', { method: command }, () => promise));
  assert.equal(resilience.standings()[0]!.underWay, 2);
  const refused = await failureOf(resilience.run('peer', { method: command }, () => assert.fail('it ran')));
  assert.deepEqual([refused.code, didNotRun(refused)], [Code.Unavailable, true]);
  resolve('answer');
  assert.deepEqual(await Promise.all(running), ['answer', 'answer']);
  assert.equal(resilience.standings()[0]!.underWay, 0);
});

test('settings hold from the next call on', async () => {
  const resilience = new Resilience(quick());
  let attempts = 0;
  const call = () => failureOf(resilience.run('peer', { method: query }, () => (attempts++, Promise.reject(failure(Code.Unavailable)))));
  await call();
  resilience.configure(quick({ retries: { most: 0 } }));
  await call();
  assert.equal(attempts, 4);
});

test('all that happens to the calls of a peer is in its metrics', async () => {
  const resilience = new Resilience(quick());
  let attempts = 0;
  await resilience.run('peer', { method: query }, async () => (++attempts < 2 ? Promise.reject(failure(Code.Unavailable)) : 'answer'));
  await failureOf(resilience.run('peer', { method: query }, () => Promise.reject(failure(Code.DeadlineExceeded))));
  const values = Object.fromEntries(resilience.metrics().map(({ name, samples }) => [name, (samples[0] as { value: number }).value]));
  assert.deepEqual(values, {
    'mainstay.calls.retries': 1, 'mainstay.calls.retries.unaffordable': 0, 'mainstay.calls.timeouts': 1, 'mainstay.calls.breaker.state': 0, 'mainstay.calls.breaker.opened': 0,
    'mainstay.calls.breaker.refused': 0, 'mainstay.calls.bulkhead.active': 0, 'mainstay.calls.bulkhead.refused': 0,
  });
});

test('a deployment file need not say anything of calls', () => {
  assert.deepEqual([callsByDefault.timeoutSeconds, callsByDefault.retries.most, callsByDefault.breaker.leastCalls], [30, 2, 20]);
});
