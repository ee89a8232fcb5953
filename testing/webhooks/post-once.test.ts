import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { after, test } from 'node:test';
import { postOnce, type Resolve } from '@mainstay/kernel';
import { startReceiver } from './webhook-receiver.ts';

const receiver = await startReceiver();
after(() => receiver.stop());
const port = new URL(receiver.url).port;
const loopback: LookupAddress = { address: '127.0.0.1', family: 4 };
const outside: LookupAddress = { address: '192.0.2.77', family: 4 };
const publicOne: LookupAddress = { address: '93.184.215.14', family: 4 };

const send = (given: Partial<Parameters<typeof postOnce>[0]> = {}) => postOnce({ url: `${receiver.url}/hook`, headers: { 'webhook-id': 'one' }, body: '{}', timeoutMilliseconds: 1500, strict: false, ...given });
/** Answers one after the other, and the last one for good. */
function changing(...answers: LookupAddress[][]): Resolve & { asked: number } {
  const resolve = async () => answers[Math.min(resolve.asked++, answers.length - 1)]!;
  resolve.asked = 0;
  return resolve;
}

test('what a host is called counts at the moment of connecting: it is asked once a try, and connected to what was checked', async () => {
  const before = receiver.taken.length;
  const once = changing([loopback], [outside]);
  assert.deepEqual(await send({ url: `http://changing.test:${port}/`, resolve: once }).then(({ status }) => status), 204);
  assert.equal(once.asked, 1);
  const rebinding = changing([publicOne], [loopback]);
  const given = { url: `https://changing.test:${port}/`, resolve: rebinding, strict: true, timeoutMilliseconds: 300 };
  const first = await send(given);
  assert.equal(rebinding.asked, 1);
  assert.doesNotMatch(first.problem, /not of the public internet/);
  const second = await send(given);
  assert.deepEqual([second.status, second.problem, rebinding.asked], [0, 'its name stands for an address that is not of the public internet', 2]);
  assert.equal(receiver.taken.length, before + 1);
});

test('a host is refused if any of its addresses is not public, and so is an address by itself', async () => {
  const before = receiver.taken.length;
  for (const addresses of [[loopback], [publicOne, loopback], [{ address: '::1', family: 6 }], [{ address: '::ffff:127.0.0.1', family: 6 }], [{ address: '169.254.169.254', family: 4 }]]) {
    assert.match((await send({ url: `https://several.test:${port}/`, strict: true, resolve: async () => addresses })).problem, /not of the public internet/);
  }
  for (const host of ['127.0.0.1', '[::1]', '[::ffff:7f00:1]', '2130706433', '169.254.169.254']) assert.match((await send({ url: `https://${host}:${port}/`, strict: true })).problem, /not of the public internet/, host);
  assert.match((await send({ url: `https://localhost:${port}/`, strict: true })).problem, /not of the public internet/);
  assert.match((await send({ strict: true })).problem, /https/);
  assert.equal(receiver.taken.length, before);
});

test('redirections are not followed', async () => {
  const before = receiver.taken.length;
  receiver.answer = (_, response) => void response.writeHead(302, { location: `${receiver.url}/elsewhere` }).end();
  const { status, problem } = await send();
  assert.deepEqual([status, problem, receiver.taken.length - before], [302, 'it answered 302, and redirections are not followed', 1]);
});

test('of an answer only its beginning is read and kept, without secrets and control characters', async () => {
  let written = 0;
  receiver.answer = (_, response) => {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && written < 200_000_000) {
        written += 65_536;
        if (!response.write('x'.repeat(65_536))) return void response.once('drain', more);
      }
    };
    more();
  };
  const long = await send();
  assert.deepEqual([long.status, long.problem, long.excerpt], [200, '', 'x'.repeat(500)]);
  assert.ok(written < 100_000_000, `${written} bytes were taken`);
  receiver.answer = (_, response) => void response.writeHead(400).end('no\u0000 \u001b[31m authorization: Bearer abcdefgh.12345 for eve@umbrella.test');
  assert.deepEqual(await send().then(({ status, excerpt }) => [status, excerpt]), [400, 'no   [31m authorization: Bearer [redacted] for [redacted]']);
});

test('an answer that does not come, or never ends, is waited for no longer than allowed', async () => {
  receiver.answer = () => {};
  assert.deepEqual(await send({ timeoutMilliseconds: 200 }).then(({ status, problem }) => [status, problem]), [0, 'no answer within 0.2 seconds']);
  receiver.answer = (_, response) => void response.writeHead(200).write('and');
  assert.deepEqual(await send({ timeoutMilliseconds: 200 }).then(({ status, excerpt }) => [status, excerpt]), [200, 'and']);
  const never: Resolve = () => new Promise(() => {});
  assert.match((await send({ url: 'http://never.test/', resolve: never, timeoutMilliseconds: 200 })).problem, /no answer within/);
  assert.match((await send({ url: 'http://nowhere.test/', resolve: async () => [] })).problem, /no address/);
});

test('Retry-After is understood in seconds and as a date', async () => {
  const retryAfter = async (value: string) => {
    receiver.answer = (_, response) => void response.writeHead(503, { 'retry-after': value }).end();
    return (await send()).retryAfterSeconds;
  };
  assert.equal(await retryAfter('120'), 120);
  assert.ok(Math.abs((await retryAfter(new Date(Date.now() + 60_000).toUTCString()))! - 60) <= 2);
  assert.deepEqual([await retryAfter('soon'), await retryAfter('-5'), await retryAfter('0')], [undefined, undefined, undefined]);
});
