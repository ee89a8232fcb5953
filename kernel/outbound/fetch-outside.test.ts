import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { fetchOutside, type Fetch } from './fetch-outside.ts';

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const ask = (url: string, more: Partial<Fetch> = {}) => fetchOutside({ url, method: 'GET', headers: {}, timeoutMilliseconds: 30_000, mostBytes: 1000, strict: false, ...more });

test('an answer comes whole, with its status and headers', async (t) => {
  const url = await serve(t, (request, response) => {
    request.setEncoding('utf8').on('data', (body: string) => response.writeHead(401, { 'www-authenticate': 'Bearer' }).end(`${request.method} ${body}`));
  });
  const answer = await ask(url, { method: 'POST', body: 'grüße' });
  assert.deepEqual([answer.status, answer.headers.get('www-authenticate'), await answer.text()], [401, 'Bearer', 'POST grüße']);
});

test('redirections are not followed', async (t) => {
  let asked = 0;
  const url = await serve(t, (_, response) => {
    asked++;
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  assert.deepEqual([(await ask(url)).status, asked], [302, 1]);
});

test('an answer that is too long, never ends, or does not come is given up', async (t) => {
  const huge = await serve(t, (_, response) => response.end('x'.repeat(1001)));
  await assert.rejects(ask(huge), { name: 'OutsideFailed', message: /longer than 1000 bytes/ });
  const endless = await serve(t, (_, response) => {
    response.write('x');
  });
  await assert.rejects(ask(endless, { timeoutMilliseconds: 200 }), { name: 'OutsideFailed', message: 'no answer within 0.2 seconds' });
  await assert.rejects(ask('http://127.0.0.1:1/'), { name: 'OutsideFailed', message: /could not be reached \(ECONNREFUSED\)/ });
});

test('where others rely on it, only https addresses of the public internet are asked, whatever their names say', async () => {
  const resolve = (...addresses: string[]) => async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  for (const [url, more] of [['http://example.org/', {}], ['https://127.0.0.1/', {}], ['https://[::1]/', {}], ['https://example.org/', { resolve: resolve('8.8.8.8', '10.0.0.1') }], ['https://example.org/', { resolve: resolve('::ffff:10.0.0.1') }], ['https://example.org/', { resolve: resolve() }]] as const) {
    await assert.rejects(ask(url, { strict: true, ...more }), { name: 'OutsideFailed', message: /only addresses with https|not of the public internet|no address/ }, url);
  }
});
