import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readLeanHead } from './request-reader.ts';
import { headersIn, ResponseReader, type RawResponse } from './response-reader.ts';

const mebibyte = 1024 * 1024;

/** Bytes cut into pieces at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end)).filter(({ length }) => length > 0);
}

function chunked(body: Buffer, sizes: readonly number[]): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, index = 0; at < body.length; index++) {
    const part = body.subarray(at, at + 1 + (sizes[index % sizes.length]! % 50));
    parts.push(Buffer.from(`${part.length.toString(16)};x=y\r\n`), part, Buffer.from('\r\n'));
    at += part.length;
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

function read(reader: ResponseReader, parts: readonly Buffer[]): RawResponse | undefined {
  let found: RawResponse | undefined;
  for (const part of parts) {
    const given = Buffer.from(part);
    found = reader.read(given);
    // The memory of what came is used again for what comes next.
    given.fill(0xff);
  }
  return found;
}

test('an answer is the same however it is cut into pieces, one after the other on a connection', () => {
  const answer = fc.record({ body: fc.uint8Array({ maxLength: 300 }), sizes: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), isChunked: fc.boolean(), interim: fc.boolean(), cuts: fc.array(fc.nat(), { maxLength: 8 }) });
  fc.assert(fc.property(fc.array(answer, { minLength: 1, maxLength: 4 }), (answers) => {
    const reader = new ResponseReader(mebibyte);
    for (const { body, sizes, isChunked, interim, cuts } of answers) {
      const bytes = Buffer.concat([
        Buffer.from(`${interim ? 'HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n' : ''}HTTP/1.1 200 OK\r\nContent-Type: application/proto\r\nX-One: 1\r\n`),
        Buffer.from(isChunked ? 'Transfer-Encoding: chunked\r\n\r\n' : `Content-Length: ${body.length}\r\n\r\n`),
        isChunked ? chunked(Buffer.from(body), sizes) : Buffer.from(body),
      ]);
      const found = read(reader, pieces(bytes, cuts))!;
      assert.deepEqual([found.status, found.contentType, Buffer.from(found.body), found.reusable], [200, 'application/proto', Buffer.from(body), true]);
      assert.equal(new Map(headersIn(found.head)).get('x-one'), '1');
      assert.equal(reader.hasBegun, false);
    }
  }));
});

test('an answer without a length ends with its connection', () => {
  const reader = new ResponseReader(mebibyte);
  assert.equal(read(reader, [Buffer.from('HTTP/1.1 200 OK\r\n\r\nab'), Buffer.from('c')]), undefined);
  const { body, reusable } = reader.end()!;
  assert.deepEqual([Buffer.from(body).toString(), reusable], ['abc', false]);
});

test('a connection on which more comes than an answer, or that is to end, is not used again', () => {
  for (const text of ['HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nHTTP']) {
    const { body, reusable } = read(new ResponseReader(mebibyte), [Buffer.from(text)])!;
    assert.deepEqual([Buffer.from(body).toString(), reusable], ['a', false], text);
  }
});

test('what is no answer, or too large a one, is refused', () => {
  const refused = ['HTTP/1.0 200 OK\r\n\r\n', 'HTTP/1.1 999 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\nno colon\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n', `HTTP/1.1 200 OK\r\n\r\n${'a'.repeat(101)}`, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n65\r\n', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`];
  for (const text of refused) assert.throws(() => new ResponseReader(100).read(Buffer.from(text)), Error, text.slice(0, 80));
});

const lean = (lines: string, first = 'POST /a.B/C HTTP/1.1') => Buffer.from(`${first}\r\nhost: x\r\nContent-Type: application/proto\r\n${lines}\r\n\r\nbody`);

test('the head of a plain call is read, and asked for more of until it is whole', () => {
  const bytes = lean('Content-Length: 4\r\nX-One:  1 ');
  const end = bytes.length - 4;
  for (let length = 0; length < end; length++) assert.equal(readLeanHead(bytes.subarray(0, length)), 'more', String(length));
  const head = readLeanHead(bytes);
  assert.ok(typeof head === 'object');
  assert.deepEqual([head.path, head.length, head.end, head.headers['x-one']], ['a.B/C', 4, end, '1']);
});

test('whatever is more than a plain call is left to those who read all of HTTP', () => {
  const others = [lean('content-length: 4', 'GET /a.B/C HTTP/1.1'), lean('content-length: 4', 'POST /a.B/C?x HTTP/1.1'), lean('content-length: 4', 'POST /a.B/C HTTP/1.0'), lean('x: y'), lean('content-length: 4\r\ncontent-length: 4'), lean('content-length: 4x'),
    lean('content-length: 4\r\ntransfer-encoding: chunked'), lean('content-length: 4\r\nconnection: close'), lean('content-length: 4\r\nexpect: 100-continue'), lean('content-length: 4\r\ncontent-encoding: gzip'), lean('content-length: 4\r\n folded: x'), lean('content-length : 4'),
    lean('content-length: 4\r\nx: a\0b'), lean('content-length: 4\r\nx: a\nb: c'), Buffer.from('PRI * HTTP/2.0\r\n'), Buffer.from('POST /'.padEnd(140_000, 'x')), Buffer.from('POST /a.B/C HTTP/1.1\r\ncontent-type: application/json\r\nhost: x\r\ncontent-length: 1\r\n\r\n')];
  for (const bytes of others) assert.equal(readLeanHead(bytes), 'other', bytes.toString('latin1').slice(0, 120));
});
