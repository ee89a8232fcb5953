import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { DescMethod } from '@bufbuild/protobuf';
import { fastify } from 'fastify';
import { EchoService } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { limitBodyTime } from './body-time-limit.ts';

const app = fastify();
before(async () => {
  limitBodyTime(app, 200, [EchoService]);
  app.addContentTypeParser(/^application\/(connect\+|grpc)/, (_request, payload, done) => {
    payload.resume().on('end', () => done(null, 'streamed'));
  });
  app.post('/*', (request) => `got ${JSON.stringify(request.body)}`);
  await app.listen({ port: 0, host: '127.0.0.1' });
});
after(() => app.close());

/** Sends a body of four bytes, one every `everyMs`, and gives back the answer. */
async function trickle(contentType: string, body: string, everyMs: number, path = '/'): Promise<string> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: ${contentType}\r\ncontent-length: ${body.length}\r\n\r\n`);
  let answer = '';
  socket.on('data', (chunk) => (answer += String(chunk)));
  // A byte that comes when the connection is cut is answered by a reset.
  const closed = new Promise((resolve) => socket.once('close', resolve));
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

const pathOf = ({ name, parent }: DescMethod) => `/${parent.typeName}/${name}`;

test('a stream of requests may take as long as it likes, whichever protocol it comes by', async () => {
  for (const contentType of ['application/connect+proto', 'application/grpc', 'application/grpc-web+proto']) {
    for (const method of [EchoService.method.sum, EchoService.method.converse]) assert.match(await trickle(contentType, '1234', 100, pathOf(method)), /got "streamed"$/);
  }
});

test('the one request of a call is cut all the same, though a stream may answer it', async () => {
  for (const contentType of ['application/connect+proto', 'application/grpc', 'application/grpc-web+proto']) {
    for (const method of [EchoService.method.echo, EchoService.method.count]) assert.match(await trickle(contentType, '1234', 100, pathOf(method)), /^HTTP\/1\.1 408 /);
  }
});

test('a request that never ends is cut over HTTP/2 too, and its connection goes on', async (t) => {
  const app = fastify({ http2: true });
  limitBodyTime(app as never, 200, [EchoService]);
  app.addContentTypeParser('application/grpc', (_request, payload, done) => void payload.resume().on('end', () => done(null, 'read')));
  app.post('/*', (request) => `got ${JSON.stringify(request.body)}`);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const session = connectHttp2(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
  t.after(async () => (session.destroy(), app.close()));
  const ask = async (end: boolean) => {
    const stream = session.request({ ':method': 'POST', ':path': pathOf(EchoService.method.echo), 'content-type': 'application/grpc' }, { endStream: false }).on('error', () => {}).resume();
    stream.write('1234');
    if (end) stream.end();
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    if (!stream.closed) await once(stream, 'close');
    return headers[':status'];
  };
  assert.deepEqual([await ask(false), await ask(true)], [408, 200]);
});
