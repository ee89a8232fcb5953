import assert from 'node:assert/strict';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { fastify } from 'fastify';
import { createLog } from '../telemetry/log.ts';
import { until } from '../testing/until.ts';
import { problemHandlers } from './problem-handlers.ts';
import { dropUnreadBodies } from './unread-body.ts';

const MiB = 1024 * 1024;
const app = fastify({ bodyLimit: MiB });
before(async () => {
  dropUnreadBodies(app);
  problemHandlers(app, { bodyLimitBytes: MiB, log: createLog({ level: 'silent' }) });
  app.post('/', () => 'taken');
  await app.listen({ port: 0, host: '127.0.0.1' });
});
after(() => app.close());

const open = (): Promise<Socket> => new Promise((resolve) => {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1', () => resolve(socket));
});
const request = (length: number) => `POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

test('who sends too much is answered, however late they look, and may go on with the same connection', async () => {
  const socket = await open();
  let answers = '';
  socket.pause();
  socket.on('error', (error) => (answers += error.message));
  socket.write(request(20 * MiB));
  const sent = new Promise((resolve) => socket.write(Buffer.alloc(20 * MiB, 32), resolve));
  await sent;
  socket.write(`${request(2)}{}`);
  socket.setEncoding('utf8').on('data', (part: string) => (answers += part)).resume();
  await until(() => answers.includes('taken'), 'the second answer');
  assert.match(answers, /^HTTP\/1\.1 413 [^]*kernel\.BODY_TOO_LARGE[^]*HTTP\/1\.1 200 /);
  socket.destroy();
});

test('who was answered and sends on without end is cut off', async () => {
  const socket = await open();
  let isCut = false;
  socket.on('error', () => {}).on('close', () => (isCut = true)).resume();
  socket.write(request(16_384 * MiB));
  const part = Buffer.alloc(MiB, 32);
  let written = 0;
  const more = () => {
    while (!isCut && written++ < 16_384 && socket.write(part));
  };
  socket.on('drain', more);
  more();
  await until(() => isCut, 'the end of the connection');
  assert.ok(written < 16_384, 'all of it was taken');
});
