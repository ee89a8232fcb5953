import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Pool } from 'undici';
import { startTestServer } from '../../testing/test-server.ts';
import { until } from '../../testing/until.ts';
import type { HttpServer } from '../start-http-server.ts';

let server: HttpServer;
let pool: Pool;
before(async () => {
  server = await startTestServer();
  pool = new Pool(server.address, { connections: 1 });
});
after(async () => {
  await pool.close();
  await server.close();
});

const echo = '/mainstay.testing.v1.EchoService';

async function send(method: string, type: string, body: Uint8Array | string, headers: Record<string, string> = {}, verb: 'POST' | 'GET' = 'POST') {
  const { statusCode, headers: received, body: answer } = await pool.request({ path: `${echo}/${method}`, method: verb, headers: { 'content-type': type, ...headers }, body: verb === 'GET' ? null : body });
  return { status: statusCode, type: received['content-type'], text: await answer.text() };
}

function envelope(length: number, content: Uint8Array = Buffer.alloc(0), flags = 0): Buffer {
  const head = Buffer.alloc(5, flags);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, content]);
}

test('an error that is found before any method is called names its reason too', async () => {
  const refused: [code: string, reason: string, answer: Awaited<ReturnType<typeof send>>][] = [
    ['invalid_argument', 'MALFORMED_MESSAGE', await send('Echo', 'application/json', '{}', { 'connect-timeout-ms': 'soon' })],
    ['unimplemented', 'UNSUPPORTED_ENCODING', await send('Echo', 'application/json', '{}', { 'content-encoding': 'x' })],
    ['invalid_argument', 'MALFORMED_MESSAGE', await send('Echo', 'application/proto', 'no brotli', { 'content-encoding': 'br' })],
    ['invalid_argument', 'MALFORMED_MESSAGE', await send('Sum', 'application/connect+proto', envelope(2, Buffer.from([0x0f, 1])))],
    ['invalid_argument', 'MALFORMED_MESSAGE', await send('Sum', 'application/connect+json', envelope(1, Buffer.from('{')))],
    ['resource_exhausted', 'BODY_TOO_LARGE', await send('Sum', 'application/connect+json', envelope(2 ** 31))],
  ];
  for (const [code, reason, { text }] of refused) {
    assert.match(text, new RegExp(`"code":"${code}"`));
    assert.match(text, new RegExp(`"reason":"${reason}"`), text);
  }
});

test('a time that does not exist is refused in JSON, plain, compressed, and in an envelope', async () => {
  const json = (time: string) => Buffer.from(JSON.stringify({ text: 'x', time }));
  const answers = async (time: string) => [
    await send('GetEcho', 'application/json', json(time)),
    await send('GetEcho', 'application/json', gzipSync(json(time)), { 'content-encoding': 'gzip' }),
    await send('GetEcho', 'application/grpc-web+json', envelope(json(time).length, json(time))),
    await send('GetEcho', 'application/grpc-web+json', envelope(gzipSync(json(time)).length, gzipSync(json(time)), 1), { 'grpc-encoding': 'gzip' }),
  ];
  const [plain, compressed, web, compressedWeb] = await answers('2026-02-29T00:00:00Z');
  for (const { status, text } of [plain!, compressed!]) {
    assert.equal(status, 400);
    assert.match(text, /"code":"invalid_argument","message":"[^"]*time: expected a time that exists/);
    assert.match(text, /"reason":"INVALID_REQUEST"/);
  }
  for (const { text } of [web!, compressedWeb!]) assert.match(text, /grpc-status: 3\r\n/);
  for (const { text } of await answers('2028-02-29T00:00:00Z')) assert.match(text, /2028-02-29T00:00:00Z/);
});

test('gRPC-web gets the reason in its last message', async () => {
  const { text } = await send('Sum', 'application/grpc-web+proto', envelope(2, Buffer.from([0x0f, 1])));
  assert.match(text, /grpc-status: 3\r\n/);
  assert.match(text, /grpc-status-details-bin: /);
});

test('a media type or verb that no protocol takes gets a problem document', async () => {
  const wrongType = await send('Echo', 'application/connect+proto', '');
  assert.equal(wrongType.status, 415);
  assert.match(String(wrongType.type), /^application\/problem\+json/);
  assert.equal((JSON.parse(wrongType.text) as { reason: string }).reason, 'kernel.UNSUPPORTED_MEDIA_TYPE');
  const wrongVerb = await send('Echo', 'application/proto', '', {}, 'GET');
  assert.deepEqual([wrongVerb.status, (JSON.parse(wrongVerb.text) as { reason: string }).reason], [405, 'kernel.METHOD_NOT_ALLOWED']);
});

test('a deadline that is longer than any timer is none that has passed', async () => {
  for (const headers of [{ 'grpc-timeout': '99999999H' }, { 'grpc-timeout': '99999999M' }]) {
    const { text } = await send('Echo', 'application/grpc-web+proto', envelope(0), headers as unknown as Record<string, string>);
    assert.match(text, /grpc-status: 0/);
  }
  assert.equal((await send('Echo', 'application/json', '{}', { 'connect-timeout-ms': '9999999999' })).status, 200);
});

test('a stream that is refused at its first message leaves the connection to the next request', async (t) => {
  const socket = connect(server.port, 'localhost');
  t.after(() => socket.destroy());
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  const body = Buffer.concat([envelope(2 ** 31), Buffer.alloc(2_000_000)]);
  socket.write(`POST ${echo}/Sum HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/connect+proto\r\ncontent-length: ${body.length}\r\n\r\n`);
  socket.write(body);
  await until(() => /resource_exhausted[^]*0\r\n\r\n$/.test(received));
  received = '';
  socket.write('GET /v1/echo/again HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await until(() => received.includes('"text":"again"'));
});
