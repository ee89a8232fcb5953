import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectHttp2 } from 'node:http2';
import type { EchoWatch } from '../../testing/echo.ts';
import { startTestServer } from '../../testing/test-server.ts';
import { until } from '../../testing/until.ts';
import type { Problem } from '../problem.ts';
import type { HttpServer } from '../start-http-server.ts';

const watch: EchoWatch = { running: 0, produced: 0 };
let server: HttpServer;
before(async () => void (server = await startTestServer({ bodyLimitBytes: 64 * 1024 }, watch)));
after(() => server.close());

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(server.address + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: raw ? (body as string) : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text ? (JSON.parse(text) as any) : undefined };
}

async function problem(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Problem & { headers: Headers }> {
  const answer = await call(method, path, body, headers);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.equal(answer.json.status, answer.status);
  return { ...answer.json, headers: answer.headers };
}

test('a book is created, read, changed, moved and deleted', async () => {
  const created = await call('POST', '/v1/shelves/1/books?book_id=faust', { title: 'Faust', genre: 'GENRE_NOVEL', authors: [{ name: 'Goethe', email: 'g@weimar.test' }] });
  assert.equal(created.status, 200);
  assert.equal(created.json.name, 'shelves/1/books/faust');
  assert.deepEqual(created.json.loans, {}, 'fields at their defaults are written');
  const changed = await call('PATCH', '/v1/shelves/1/books/faust?updateMask=pages', { title: 'ignored', pages: 12 });
  assert.deepEqual([changed.json.title, changed.json.pages], ['Faust', 12]);
  assert.equal((await call('POST', '/v1/shelves/1/books/faust:move', { parent: 'shelves/2' })).json.name, 'shelves/2/books/faust');
  const read = await call('GET', '/v1/shelves/2/books/faust');
  assert.match(read.headers.get('etag') ?? '', /^".+"$/, 'headers that the handler set arrive');
  assert.deepEqual((await call('DELETE', '/v1/shelves/2/books/faust')).json, {});
  const gone = await problem('GET', '/v1/shelves/2/books/faust');
  assert.deepEqual([gone.status, gone.type, gone.title, gone.reason, gone.instance], [404, 'urn:mainstay:problem:not-found', 'Not found', 'testing.BOOK_NOT_FOUND', '/v1/shelves/2/books/faust']);
});

test('an additional binding takes the whole request as its body', async () => {
  assert.equal((await call('POST', '/v1/books', { parent: 'shelves/9', bookId: 'x', book: { title: 'X' } })).json.name, 'shelves/9/books/x');
  assert.equal((await problem('POST', '/v1/books', { parent: 'shelves/9', book_id: 'x', book: { title: 'X' } })).status, 409);
});

test('query parameters fill nested, repeated, enum and well-known fields', async () => {
  const { json } = await call('GET', '/v1/shelves/1/books?filter.genres=GENRE_NOVEL&filter.genres=1&filter.lendable=false&filter.after=2026-01-02T03:04:05%2B01:00&filter.author.name=a+b%2Bc&filter.author.email=a@b.test&filter.pictures=true&pageSize=3');
  assert.deepEqual(json.filter, { genres: ['GENRE_NOVEL', 'GENRE_HISTORY'], lendable: false, after: '2026-01-02T02:04:05Z', author: { name: 'a b+c', email: 'a@b.test' }, pictures: true });
});

test('response_body answers with one field alone', async () => assert.deepEqual((await call('GET', '/v1/genres')).json, ['GENRE_HISTORY', 'GENRE_NOVEL']));

test('a variable of the rest of the path keeps encoded slashes', async () => assert.equal((await call('GET', '/v1/scans/a/b%2Fc/d%20e')).json.path, 'a/b%2Fc/d e'));

test('HEAD answers like GET, without the body', async () => {
  const { status, json } = await call('HEAD', '/v1/genres');
  assert.deepEqual([status, json], [200, undefined]);
});

test('request headers reach the method, except those of the connection', async () => {
  await call('GET', '/v1/echo/x', undefined, { authorization: 'Bearer t', 'connect-timeout-ms': '5000', 'idempotency-key': 'k' });
  const header = watch.context!.requestHeader;
  assert.deepEqual([header.get('authorization'), header.get('idempotency-key')], ['Bearer t', 'k']);
  assert.deepEqual(['host', 'connection', 'content-length', 'accept-encoding'].filter((name) => header.has(name)), []);
  assert.ok(watch.timeoutMs! > 3000 && watch.timeoutMs! <= 5000);
});

test('a deadline that passes is 504, a broken one 400', async () => {
  assert.equal((await problem('POST', '/v1/echo/x?delayMs=2000', {}, { 'connect-timeout-ms': '50' })).status, 504);
  assert.equal((await problem('POST', '/v1/echo/x?delayMs=2000', {}, { 'grpc-timeout': '50m' })).status, 504);
  assert.equal((await problem('GET', '/v1/echo/x', undefined, { 'grpc-timeout': 'soon' })).reason, 'kernel.MALFORMED_HEADER');
});

test('a deadline further away than timers reach does not pass at once', async () => {
  for (const [name, value] of [['connect-timeout-ms', '9999999999'], ['grpc-timeout', '99999999H']] as const) assert.equal((await call('POST', '/v1/echo/x?delayMs=30', {}, { [name]: value })).status, 200);
});

test('an unknown path is 404, a known path with another method 405 and says which are allowed', async () => {
  assert.equal((await problem('GET', '/v1/nothing')).reason, 'kernel.NO_SUCH_PATH');
  assert.equal((await problem('GET', '/v1/toString')).status, 404);
  const other = await problem('PUT', '/v1/shelves/1/books/2', {});
  assert.deepEqual([other.status, other.reason, other.type], [405, 'kernel.METHOD_NOT_ALLOWED', 'urn:mainstay:problem:method-not-allowed']);
  assert.equal(other.headers.get('allow'), 'GET, HEAD, PATCH, DELETE');
});

for (const [what, body, detail] of [
  ['text that is no JSON', '{"title"', /not valid JSON/],
  ['an array where the whole request is wanted', '[]', /must be an object/],
  ['a key given twice', '{"parent":"a","parent":"b"}', /"parent" appears twice/],
  ['a key given twice, once escaped', '{"parent":"a","p\\u0061rent":"b"}', /"parent" appears twice/],
  ['a key given twice, deep inside', '{"book":{"title":"a","title":"b"}}', /"title" appears twice/],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /not UTF-8/],
  ['a NUL', '{"parent":"a\\u0000b"}', /U\+0000/],
] as const) {
  test(`${what} is a malformed body`, async () => {
    const answer = await problem('POST', '/v1/books', body);
    assert.deepEqual([answer.status, answer.reason], [400, 'kernel.MALFORMED_BODY']);
    assert.match(answer.detail, detail);
  });
}

for (const [what, method, path, body, errors] of [
  ['an unknown query parameter', 'GET', '/v1/genres?x=1', undefined, [['x', /no such query parameter/]]],
  ['a query parameter that the path fills', 'GET', '/v1/shelves/1/books?parent=a', undefined, [['parent', /no such query parameter/]]],
  ['a single query parameter given twice', 'GET', '/v1/shelves/1/books?page_size=1&pageSize=2', undefined, [['page_size', /more than once/]]],
  ['a query parameter of the wrong type', 'GET', '/v1/shelves/1/books?page_size=many&filter.lendable=perhaps', undefined, [['page_size', /expected a whole number .*got "many"/], ['filter.lendable', /expected true or false/]]],
  ['a message where a query wants a field', 'GET', '/v1/shelves/1/books?filter=x', undefined, [['filter', /no such query parameter/]]],
  ['NUL in the path', 'GET', '/v1/scans/a%00b', undefined, [['path', /U\+0000/]]],
  ['an unknown field', 'POST', '/v1/books', { book: { titel: 'x' } }, [['book.titel', /no such field; there are name, title/]]],
  ['__proto__ as a field', 'POST', '/v1/books', '{"__proto__":{"parent":"x"}}', [['__proto__', /no such field/]]],
  ['several wrong fields at once', 'POST', '/v1/books', { parent: 1, book: { pages: 'x', authors: [{ name: 'a' }, { email: 5 }], loans: { a: 'b' } } }, [['parent', /expected a string, got 1/], ['book.pages', /whole number/], ['book.authors[1].email', /a string, got 5/], ['book.loans["a"]', /64 bits/]]],
  ['an unknown enum value', 'POST', '/v1/books', { book: { genre: 'GENRE_X' } }, [['book.genre', /one of GENRE_UNSPECIFIED, GENRE_HISTORY, GENRE_NOVEL, got "GENRE_X"/]]],
  ['a broken time', 'POST', '/v1/books', { book: { publishTime: 'yesterday' } }, [['book.publish_time', /a time that exists, such as/]]],
  ['a day that its month does not have', 'POST', '/v1/books', { book: { publishTime: '2026-02-29T00:00:00Z' } }, [['book.publish_time', /a time that exists, such as .*got "2026-02-29T00:00:00Z"/]]],
  ['a time that does not exist in the query', 'GET', '/v1/shelves/1/books?filter.after=2026-04-30T24:00:00Z', undefined, [['filter.after', /a time that exists/]]],
  ['a time that does not exist in a body beside the path', 'POST', '/v1/echo/x', { parts: [{ name: 'a' }], time: '2100-02-29T00:00:00+01:00' }, [['specimen.time', /a time that exists/]]],
  ['a number out of range', 'POST', '/v1/books', { book: { pages: 2 ** 40 } }, [['book.pages', /whole number/]]],
  ['a field under both of its names', 'POST', '/v1/books', { bookId: 'a', book_id: 'b' }, [['book_id', /given twice/]]],
  ['a value in the body that contradicts the path', 'PATCH', '/v1/shelves/1/books/2', { name: 'shelves/1/books/3' }, [['book.name', /in the path, but/]]],
  ['a broken rule of the contract', 'POST', '/v1/books', { book: { title: 'x', pages: -1, authors: [{ name: 'a', email: 'b' }] } }, [['book.pages', /greater than or equal to 0/], ['book.authors[0].email', /email/]]],
] as const) {
  test(`${what} is a field violation`, async () => {
    const answer = await problem(method, path, body);
    assert.deepEqual([answer.status, answer.reason], [400, 'kernel.INVALID_REQUEST']);
    assert.deepEqual(answer.errors?.map(({ field }) => field), errors.map(([field]) => field));
    errors.forEach(([, detail], index) => assert.match(answer.errors![index]!.detail, detail));
  });
}

test('a sensitive field is named in an error, but not what was sent in it', async () => {
  const answer = await problem('POST', '/v1/books', { lenderCode: 12345 });
  assert.deepEqual(answer.errors, [{ field: 'lender_code', detail: 'expected a string, got something else', reason: 'wrong_type' }]);
  assert.doesNotMatch(JSON.stringify(answer), /12345/);
});

test('a huge or deeply nested body is refused quickly', async () => {
  const nested = `${'{"parts":['.repeat(5000)}${']}'.repeat(5000)}`;
  assert.equal((await problem('POST', '/v1/echo/x', `{"part":${nested}}`)).status, 400);
  assert.equal((await problem('POST', '/v1/echo/x', '['.repeat(60_000))).reason, 'kernel.MALFORMED_BODY');
  const large = await problem('POST', '/v1/echo/x', 'x'.repeat(70 * 1024));
  assert.deepEqual([large.status, large.reason], [413, 'kernel.BODY_TOO_LARGE']);
});

test('a body that is not JSON, or compressed, is 415; one where none is taken is 400', async () => {
  assert.equal((await problem('POST', '/v1/books', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })).status, 415);
  assert.equal((await problem('POST', '/v1/books', '{}', { 'content-type': 'application/json; charset=latin1' })).status, 415);
  assert.equal((await problem('POST', '/v1/books', '{}', { 'content-encoding': 'gzip' })).status, 415);
  assert.equal((await problem('DELETE', '/v1/shelves/1/books/2', {})).reason, 'kernel.BODY_NOT_EXPECTED');
});

test('a broken percent-encoding is 400, in the path and in the query', async () => {
  for (const path of ['/v1/scans/%ff', '/v1/scans/%2', '/v1/genres?a=%zz', '/%c0']) assert.equal((await problem('GET', path)).reason, 'kernel.MALFORMED_PATH', path);
});

test('an error of a handler keeps its reason, violations and headers', async () => {
  const answer = await problem('POST', '/v1/echo/loud?failure=FAILURE_KNOWN', {});
  assert.deepEqual([answer.status, answer.reason, answer.errors], [400, 'testing.ECHO_REFUSED', [{ field: 'text', detail: 'must be another', reason: 'testing.other' }]]);
  assert.equal(answer.headers.get('echo-metadata'), 'kept');
});

test('a fault shows nothing but a trace id', async () => {
  const answer = await problem('POST', '/v1/echo/x?failure=FAILURE_FAULT', {});
  assert.deepEqual([answer.status, answer.reason], [500, 'kernel.INTERNAL']);
  assert.match(answer.traceId ?? '', /^[0-9a-f]{32}$/);
  assert.doesNotMatch(JSON.stringify(answer), /secret/);
});

test('a stream is answered in lines, and an error later on is the last line', async () => {
  const response = await fetch(`${server.address}/v1/echo:count?to=2&failure=FAILURE_KNOWN`);
  const lines = (await response.text()).trimEnd().split('\n').map((line) => JSON.parse(line) as { result?: { number: number }; error?: Problem });
  assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/x-ndjson; charset=utf-8']);
  assert.deepEqual([lines[0]?.result?.number, lines[1]?.result?.number, lines[2]?.error?.reason], [1, 2, 'testing.ECHO_REFUSED']);
});

test('a stream that fails before its first message has the status of the error', async () => {
  assert.equal((await problem('GET', '/v1/echo:count?to=0&failure=FAILURE_KNOWN')).reason, 'testing.ECHO_REFUSED');
});

test('a stream is server-sent events for who accepts them, with its headers at once', async () => {
  const start = performance.now();
  const response = await fetch(`${server.address}/v1/echo:count?to=1&delay_ms=1500`, { headers: { accept: 'text/event-stream' } });
  assert.ok(performance.now() - start < 1200);
  assert.equal(await response.text(), 'data: {"number":1,"payload":""}\n\nevent: end\ndata: {}\n\n');
});

test('a stream waits for a slow client, and ends when the client leaves', async () => {
  const before = watch.produced;
  const request = httpRequest(`${server.address}/v1/echo:count?to=100000&payload_bytes=20000`).end();
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  response.pause();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const produced = watch.produced - before;
  assert.ok(produced < 2000, `produced ${produced} messages of 20 kB that nobody read`);
  response.destroy();
  await until(() => watch.running === 0);
});

test('a unary call is given up when its client leaves, over HTTP/1.1 and HTTP/2', async () => {
  const request = httpRequest(`${server.address}/v1/echo/x?delayMs=30000`, { method: 'POST', headers: { 'content-length': 0 } }).on('error', () => {}).end();
  await until(() => watch.running === 1);
  request.destroy();
  await until(() => watch.running === 0);
  const session = connectHttp2(server.address);
  const stream = session.request({ ':method': 'POST', ':path': '/v1/echo/x?delayMs=30000' }).on('error', () => {});
  stream.end();
  await until(() => watch.running === 1);
  stream.close(8);
  await until(() => watch.running === 0);
  session.close();
});

test('a client that breaks off in its body harms nobody', async () => {
  const socket = connect(server.port, '127.0.0.1');
  socket.write('POST /v1/books HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"parent"');
  await new Promise((resolve) => setTimeout(resolve, 30));
  socket.resetAndDestroy();
  assert.equal((await call('GET', '/v1/genres')).status, 200);
});

test('every answer forbids frames, sniffing and referrers', async () => {
  for (const path of ['/', '/v1/genres', '/v1/none', '/openapi.json', '/v1/echo:count?to=1', '/readyz']) {
    const { headers } = await fetch(server.address + path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.match(headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/, path);
    assert.equal(headers.get('referrer-policy'), 'no-referrer', path);
  }
});
