import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { fastify } from 'fastify';
import { limitBodyTime } from './body-time-limit.ts';

const app = fastify();
before(async () => {
  limitBodyTime(app, 200);
  app.addContentTypeParser(/^application\/connect\+/, (_request, payload, done) => {
    payload.resume().on('end', () => done(null, 'streamed'));
  });
  app.post('/', (request) => `got ${JSON.stringify(request.body)}`);
  await app.listen({ port: 0, host: '127.0.0.1' });
});
after(() => app.close());

/** Sends a body of four bytes, one every `everyMs`, and gives back the answer. */
async function trickle(contentType: string, body: string, everyMs: number): Promise<string> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  socket.write(`POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: ${contentType}\r\ncontent-length: ${body.length}\r\n\r\n`);
  let answer = '';
  socket.on('data', (chunk) => (answer += String(chunk)));
  const closed = once(socket, 'close');
  for (const byte of body) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    if (socket.writable) socket.write(byte);
  }
  await closed;
  return answer;
}

test('a body that trickles in is cut with 408', async () => {
  const answer = await trickle('application/json', '1234', 100);
  assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.match(answer, /kernel\.BODY_TOO_SLOW/);
});

test('a body in time is left alone', async () => assert.match(await trickle('application/json', '1234', 10), /got 1234$/));

test('a stream may take as long as it likes', async () => assert.match(await trickle('application/connect+proto', '1234', 100), /got "streamed"$/));
