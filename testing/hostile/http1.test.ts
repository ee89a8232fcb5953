import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Attacked } from './attacked.ts';
import { answerTo, cut, openMany, openRaw, received, send } from './raw-connection.ts';

let attacked: Attacked;
before(async () => (attacked = await Attacked.start()));
after(() => attacked.stop());

const post = (lines: string, body = '') => `POST /v1/promises HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nauthorization: Bearer ${attacked.token}\r\n${lines}\r\n${body}`;
const get = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${attacked.token}\r\n${lines}\r\n`;
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
const statusesOf = (answer: string) => [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

test('500 connections whose headers come a byte at a time are held without work, and others are served', async () => {
  const harm = await attacked.during(async () => {
    const sockets = await openMany(attacked.port, 500);
    const text = `GET /v1/promises HTTP/1.1\r\nhost: a\r\nx-slow: ${'y'.repeat(200)}`;
    for (let at = 0; at < 15; at++) {
      for (const socket of sockets) socket.write(text[at]!);
      await sleep(100);
    }
    cut(sockets);
  });
  assert.ok(harm.peakMiB < 60, `${harm.peakMiB} MiB more`);
});

test('connections that wait cost no processor time: with a part of the preface, of a request line, of headers, of a body', async () => {
  const held: Awaited<ReturnType<typeof openMany>> = [];
  await attacked.during(async () => {
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
    const starts = [...preface].map((_, length) => preface.slice(0, length + 1));
    starts.push('GET', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nhost: a\r\n', post('content-length: 10\r\n'), post('content-length: 10\r\n', '{"ti'), post('transfer-encoding: chunked\r\n', '5\r\n{"t'), '');
    for (const start of starts) {
      const sockets = await openMany(attacked.port, 8);
      for (const socket of sockets) if (start) socket.write(start);
      held.push(...sockets);
    }
    cut(held);
  });
  // The same again without the normal client, whose calls take time too.
  const idle = await attacked.restlessness();
  const again = await openMany(attacked.port, 200);
  again.forEach((socket, index) => socket.write(['P', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r', 'GET / HT', post('content-length: 10\r\n', '{')][index % 4]!));
  await sleep(300);
  const busy = await attacked.restlessness();
  cut(again);
  assert.ok(busy < idle + 300, `${busy} ms of a second, ${idle} ms without`);
});

test('answers that nobody reads are kept back: memory stays bounded', async () => {
  const batch = { entries: Array.from({ length: 100 }, (_, index) => ({ title: `unread ${index}`, description: 'x'.repeat(9000) })) };
  for (let times = 0; times < 3; times++) for (const { title, description } of batch.entries.slice(0, 30)) {
    const response = await fetch(`${attacked.address}/v1/promises`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${attacked.token}` }, body: JSON.stringify({ title, description }) });
    assert.equal(response.status, 200, await response.text());
  }
  const harm = await attacked.during(async () => {
    const sockets = await openMany(attacked.port, 100);
    for (const socket of sockets) {
      socket.pause();
      // Each asks twenty times for what does not fit into the buffers of the system.
      socket.write(get('/v1/promises?page_size=1000').repeat(20));
    }
    await sleep(4000);
    cut(sockets);
  });
  // The system's buffers take about ten answers a connection; one more waits here, and none of the others is made.
  assert.ok(harm.peakMiB < 350, `${harm.peakMiB} MiB more`);
});

test('a pipeline of thousands of requests is answered in order and does not fill the memory', async () => {
  const harm = await attacked.during(async () => {
    const sockets = await openMany(attacked.port, 20);
    await Promise.all(sockets.map(async (socket) => {
      socket.pause();
      for (let sent = 0; sent < 20; sent++) await Promise.race([send(socket, get('/healthz').repeat(200)), sleep(100)]);
    }));
    cut(sockets);
  });
  assert.ok(harm.peakMiB < 200, `${harm.peakMiB} MiB more`);
  const answered = await answerTo(attacked.port, get('/healthz').repeat(100) + get('/healthz', 'connection: close\r\n'), 20_000);
  assert.deepEqual(statusesOf(answered), Array.from({ length: 101 }, () => 200));
});

test('headers without end, without number and without sense are refused', async () => {
  for (const lines of ['x: y\r\n'.repeat(3000), `x: ${'y'.repeat(70_000)}\r\n`, `${'z'.repeat(70_000)}: y\r\n`, 'cookie: a=b\r\n'.repeat(5000)]) {
    assert.equal(statusOf(await answerTo(attacked.port, get('/healthz', lines))), 431);
  }
  assert.equal(statusOf(await answerTo(attacked.port, get(`/${'u'.repeat(65_536)}`))), 431);
  for (const lines of ['x\0y: z\r\n', 'x: a\0b\r\n', 'x: a\rb\r\n', ': empty\r\n', 'no colon\r\n', ' folded: y\r\n', 'x : y\r\n', 'x: \x01\r\n', 'x: \x7f\r\n']) {
    assert.equal(statusOf(await answerTo(attacked.port, get('/healthz', `${lines}connection: close\r\n`))), 400, JSON.stringify(lines));
  }
  // A line may not end with a bare LF: what stands in front may see another request there.
  assert.equal(statusOf(await answerTo(attacked.port, 'GET /healthz HTTP/1.1\nhost: a\nconnection: close\n\n')), 400);
  assert.equal(statusOf(await answerTo(attacked.port, 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n')), 400, 'without Host');
  assert.equal(statusOf(await answerTo(attacked.port, 'GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n')), 400, 'two Hosts');
});

test('a request whose end is told in two ways is refused, and nothing after it is taken for another', async () => {
  const inner = 'GET /v1/smuggled HTTP/1.1\r\nhost: a\r\n\r\n';
  const cases = [
    post('content-length: 5\r\ntransfer-encoding: chunked\r\n', `0\r\n\r\n${inner}`),
    post('transfer-encoding: chunked\r\ncontent-length: 5\r\n', `0\r\n\r\n${inner}`),
    post('content-length: 2\r\ncontent-length: 45\r\n', `{}${inner}`),
    post('content-length: 2, 45\r\n', `{}${inner}`),
    post('content-length: +2\r\n', `{}${inner}`),
    post('content-length: -2\r\n', `{}${inner}`),
    post('content-length: 0x2\r\n', `{}${inner}`),
    post('content-length: 99999999999999999999999\r\n', `{}${inner}`),
    post('transfer-encoding: xchunked\r\n', `0\r\n\r\n${inner}`),
    post('transfer-encoding: chunked, identity\r\n', `0\r\n\r\n${inner}`),
    post('transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n', `0\r\n\r\n${inner}`),
    post('transfer-encoding:\x0bchunked\r\n', `0\r\n\r\n${inner}`),
    post('transfer-encoding: chunked\r\n', `z\r\n{}\r\n0\r\n\r\n${inner}`),
    post('transfer-encoding: chunked\r\n', `-1\r\n{}\r\n0\r\n\r\n${inner}`),
    post('transfer-encoding: chunked\r\n', `fffffffffffffffff\r\n{}\r\n0\r\n\r\n${inner}`),
    post('transfer-encoding: chunked\r\n', `2\n{}\n0\n\n${inner}`),
    post('transfer-encoding: chunked\r\n', `2;${'e'.repeat(40_000)}\r\n{}\r\n0\r\n\r\n${inner}`),
    post('transfer-encoding: chunked\r\n', `2\r\n{}0\r\n\r\n${inner}`),
  ];
  for (const text of cases) {
    const statuses = statusesOf(await answerTo(attacked.port, text));
    assert.ok(statuses.length === 1 && statuses[0]! >= 400 && statuses[0]! < 500, `${statuses.join(' ')}: ${JSON.stringify(text.slice(0, 400))}`);
  }
});

test('trailers and chunks that never end are cut, and no more of a body is read than is allowed', async () => {
  const harm = await attacked.during(async () => {
    const endless = await openRaw(attacked.port);
    endless.write(post('transfer-encoding: chunked\r\n', '2\r\n{}\r\n0\r\n'));
    for (let sent = 0; sent < 200 && !endless.destroyed; sent++) await send(endless, 'x: y\r\n'.repeat(1000));
    assert.equal(await received(endless).then((text) => text.includes(' 200 ')), false);
    const sockets = await openMany(attacked.port, 20);
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    await Promise.all(sockets.map(async (socket) => {
      socket.write(post('transfer-encoding: chunked\r\n'));
      const answer = received(socket, 10_000);
      for (let sent = 0; sent < 400 && !socket.destroyed; sent++) await send(socket, chunk);
      socket.destroy();
      assert.match(await answer, /^(HTTP\/1\.1 413 |$)/);
    }));
  });
  assert.ok(harm.peakMiB < 350, `${harm.peakMiB} MiB more`);
});

test('methods, targets and upgrades that nothing here serves are refused with a problem document', async () => {
  const line = (request: string, lines = '') => answerTo(attacked.port, `${request} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${lines}\r\n`);
  for (const request of ['TRACE /', 'TRACE /v1/promises', 'OPTIONS *', 'PROPFIND /', 'GET http://elsewhere.test/v1/none', 'GET //v1//promises', 'GET /../../etc/passwd', 'GET /%00', 'GET /%', 'GET /%ff%fe', 'GET /*']) {
    const status = statusOf(await line(request));
    assert.ok(status >= 400 && status < 500, `${request}: ${status}`);
  }
  assert.equal(await line('CONNECT a:443'), '', 'no tunnel is opened, and the connection is closed');
  for (const request of ['BREW /', 'get /', 'G\0T /', 'GET /\0', 'GET /ü', 'GET ?x']) assert.equal(statusOf(await line(request)), 400, request);
  assert.equal(statusOf(await answerTo(attacked.port, 'GET / HTTP/9.9\r\nhost: a\r\n\r\n')), 400);
  for (const upgrade of ['h2c', 'websocket', 'TLS/1.0', 'x'.repeat(1000), 'websocket, h2c']) {
    const answer = await answerTo(attacked.port, get('/healthz', `connection: upgrade, http2-settings\r\nupgrade: ${upgrade}\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n`).replace('\r\n\r\n', '\r\n\r\n'), 1000);
    assert.ok([200, 400, 404].includes(statusOf(answer)), `${upgrade}: ${answer.slice(0, 60)}`);
  }
  for (const bytes of [Buffer.from('160301020001000001fc0303', 'hex'), Buffer.alloc(4096, 0), Buffer.from('SSH-2.0-OpenSSH_9\r\n\r\n'), Buffer.from('\x05\x01\x00')]) {
    assert.equal(statusOf(await answerTo(attacked.port, bytes)), 400);
  }
});

test('a client that waits for 100-continue is told to go on, or is refused before it sends', async () => {
  const refused = await answerTo(attacked.port, `POST /v1/nothing HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 10\r\nconnection: close\r\n\r\n`);
  assert.equal(statusesOf(refused).at(-1), 404);
  const other = await answerTo(attacked.port, post('expect: the-impossible\r\ncontent-length: 2\r\nconnection: close\r\n', '{}'));
  assert.ok([400, 417].includes(statusOf(other)), other.slice(0, 60));
});
