import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '@mainstay/kernel/testing';
import { startDeployment, type TestDeployment } from './start-deployment.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

let deployment: TestDeployment;
before(async () => (deployment = await startDeployment()));
after(() => deployment.stop());

/** Requests that are answered, refused, not found and given up, in turns. */
async function round(requests: number): Promise<void> {
  const as = 'ada@acme.test';
  await deployment.token(as);
  const kinds = [
    () => deployment.fetch('/v1/promises', { as, body: { title: 'Keep memory flat', tags: ['memory'] }, headers: { 'idempotency-key': crypto.randomUUID() } }),
    () => deployment.fetch('/v1/promises?page_size=20', { as }),
    () => deployment.fetch(`/v1/promises/${crypto.randomUUID()}`, { as }),
    () => deployment.fetch('/v1/promises', { as, body: { title: '' } }),
    () => deployment.fetch(`/v1/nothing-${Math.random()}`),
    () => deployment.fetch('/v1/promises', { headers: { authorization: `Bearer ${crypto.randomUUID()}` } }),
  ];
  let next = 0;
  const worker = async () => {
    while (next < requests) await (await kinds[next++ % kinds.length]!()).arrayBuffer();
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Bytes that live on the heap and beside it, when nothing more can be freed. */
function inUse(): number {
  for (let again = 0; again < 3; again++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('memory stays flat however many requests are answered, refused or not found', async () => {
  // What is cached has a bound: fill it before the count.
  await round(3000);
  const before = inUse();
  await round(3000);
  // What the requests left to be done later holds memory until it is done; what leaks is never given back. A leak of one small
  // object a request would be more than this.
  await until(() => inUse() - before < 3000 * 300, () => `memory is given back: ${inUse() - before} bytes more after 3000 requests`);
});
