import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer } from '../../testing/test-server.ts';
import type { HttpServer } from '../start-http-server.ts';

let server: HttpServer;
before(async () => void (server = await startTestServer()));
after(() => server.close());

const send = (path: string, init: RequestInit = {}) => fetch(server.address + path, { redirect: 'manual', ...init });

test('a request arrives as it came, whatever its method and type, and the answer is what the handler said', async () => {
  const answer = await send('/web/token?x=%2F&x=2', { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: 'a=1; b=2', authorization: 'Basic Zm9vOmJhcg==' }, body: 'grant_type=x&y=%20' });
  const got = await answer.json() as any;
  assert.deepEqual([answer.status, answer.headers.get('content-type'), answer.headers.getSetCookie()], [200, 'application/x-own+json', ['a=1; HttpOnly', 'b=2; HttpOnly']]);
  assert.deepEqual([got.method, got.target, got.body, got.headers.cookie, got.headers.authorization, got.headers.host], ['POST', '/web/token?x=%2F&x=2', 'grant_type=x&y=%20', 'a=1; b=2', 'Basic Zm9vOmJhcg==', new URL(server.address).host]);
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) assert.equal((await (await send('/web/x/y', { method })).json() as any).method, method);
  assert.equal((await send('/.well-known/web')).status, 200);
});

test('a redirect is one, and HEAD has no body', async () => {
  const moved = await send('/web/moved');
  assert.deepEqual([moved.status, moved.headers.get('location')], [302, 'https://elsewhere.test/']);
  const head = await send('/web/x', { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test('what is too large or compressed is refused, as anywhere', async () => {
  assert.equal((await send('/web/x', { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) })).status, 413);
  assert.equal((await send('/web/x', { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: 'x' })).status, 415);
});

test('a protocol that has words of its own for errors is answered in them', async () => {
  for (const [init, status] of [[{ method: 'PUT' }, 405], [{ headers: { 'content-encoding': 'gzip' } }, 415]] as const) {
    const answer = await send('/scim/x', init);
    const { detail, ...error } = await answer.json() as any;
    assert.deepEqual([answer.status, answer.headers.get('content-type')!.split(';')[0], error], [status, 'application/scim+json', { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status) }]);
    assert.ok(detail);
  }
  assert.match((await send('/guarded/x', { headers: { 'content-encoding': 'gzip' } })).headers.get('content-type')!, /problem/);
});

test('the documentation leaves out what speaks a protocol of others', async () => {
  const { paths } = await (await send('/openapi.json')).json() as any;
  assert.deepEqual(Object.keys(paths).filter((path) => path.includes('web') || path.includes('guarded') || path.includes('scim')), []);
});
