import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { create, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import fc from 'fast-check';
import pg from 'pg';
import { getOption } from '@bufbuild/protobuf';
import { sensitive } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { withViolations } from '../errors/define-errors.ts';
import { EchoRequestSchema, file_mainstay_testing_v1_echo } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { file_mainstay_testing_v1_library } from '../testing/contract/gen/mainstay/testing/v1/library_pb.js';
import { knowMessages } from './known-messages.ts';
import { createLog, type Logger } from './log.ts';
import { hideText, redactText } from './redact-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-log-'));
after(() => rmSync(folder, { recursive: true }));
knowMessages([file_mainstay_testing_v1_echo, file_mainstay_testing_v1_library]);

let files = 0;
/** What a log holds after `write` used it, and its lines, each of which must be JSON. */
function logged(write: (log: Logger) => void): string {
  const file = join(folder, `${files++}.log`);
  write(createLog({ level: 'trace', destination: file }));
  const text = readFileSync(file, 'utf8');
  for (const line of text.trim().split('\n')) JSON.parse(line);
  return text;
}

const marker = 'Xq7marker';

const allMessages = (messages: readonly DescMessage[]): DescMessage[] => messages.flatMap((message) => [message, ...allMessages(message.nestedMessages)]);
const schemas = [file_mainstay_testing_v1_echo, file_mainstay_testing_v1_library].flatMap(({ messages }) => allMessages(messages)).filter(({ fields }) => fields.length > 0);

/** A message whose sensitive strings and bytes hold the marker, and the others do not. */
function marked(schema: DescMessage, depth = 0): Message {
  const value = (field: DescField): unknown => {
    const secret = getOption(field, sensitive);
    if (field.fieldKind === 'scalar' && field.scalar === 9) return secret ? marker : 'open';
    if (field.fieldKind === 'message' && depth < 3) return marked(field.message, depth + 1);
    if (field.fieldKind === 'list' && field.scalar === 9) return [secret ? marker : 'open'];
    if (field.fieldKind === 'list' && field.message && depth < 3) return [marked(field.message, depth + 1)];
    return undefined;
  };
  const init = schema.fields.filter(({ oneof }) => !oneof).flatMap((field) => {
    const made = value(field);
    return made === undefined ? [] : [[field.localName, made]];
  });
  const chosen = schema.oneofs.map((oneof) => [oneof.localName, { case: oneof.fields[0]!.localName, value: value(oneof.fields[0]!) }]);
  return create(schema, Object.fromEntries([...init, ...chosen]) as never);
}

test('no sensitive field of a message reaches the log, wherever the message stands', () => {
  fc.assert(fc.property(fc.constantFrom(...schemas), fc.array(fc.constantFrom('a', 'b', 'items'), { maxLength: 4 }), fc.boolean(), (schema, path, inList) => {
    let value: unknown = marked(schema);
    if (inList) value = [value];
    for (const name of path) value = { [name]: value };
    const text = logged((log) => {
      log.info({ value }, 'a message');
      log.child({ value }).info('a bound message');
    });
    assert.ok(!text.includes(marker), text);
    assert.ok(text.includes(schema.typeName), text);
  }), { numRuns: 100 });
});

test('fields that are not sensitive are shown', () => {
  assert.match(logged((log) => log.info({ request: create(EchoRequestSchema, { text: 'shown to all' }) }, 'called')), /shown to all/);
  assert.match(logged((log) => log.info(create(EchoRequestSchema, { text: 'shown to all' }))), /shown to all/);
});

test('a message of a type that nobody made known shows nothing', () => {
  const text = logged((log) => log.info({ request: { $typeName: 'unknown.v1.Thing', text: marker } }, 'called'));
  assert.ok(text.includes('unknown.v1.Thing') && !text.includes(marker), text);
});

test('an error of the database shows its code and constraint, and no value of a row', () => {
  const error = Object.assign(new pg.DatabaseError('duplicate key value violates unique constraint "accounts_email"', 1, 'error'), {
    code: '23505', detail: `Key (email)=(${marker}@acme.test) already exists.`, where: `unnamed portal parameter $1 = '${marker}'`, internalQuery: marker, constraint: 'accounts_email', parameters: [marker],
  });
  const value = Object.assign(new pg.DatabaseError(`invalid input syntax for type uuid: "${marker}"`, 1, 'error'), { code: '22P02' });
  const text = logged((log) => {
    log.error({ err: error }, 'a handler failed');
    log.error(value);
    log.warn({ err: new Error('outer', { cause: value }) });
    log.warn({ err: new AggregateError([value], 'several') });
  });
  assert.ok(!text.includes(marker), text);
  assert.match(text, /accounts_email/);
  assert.match(text, /23505/);
  assert.match(text, /invalid input syntax for type uuid/);
});

test('an error of a call shows its reason and wrong fields, and neither what was sent nor its headers', () => {
  const error = withViolations(new ConnectError('no', Code.InvalidArgument, { 'set-cookie': marker }), [{ field: 'title', description: `got ${marker}` }]);
  const text = logged((log) => log.error({ err: error }, 'refused'));
  assert.ok(!text.includes(marker), text);
  assert.match(text, /InvalidArgument.*title/);
});

test('secrets are left out by the name they stand under', () => {
  const names = ['password', 'newPassword', 'refreshToken', 'authorization', 'Cookie', 'set-cookie', 'Idempotency-Key', 'apiKey', 'api_key', 'clientSecret', 'email', 'contact_email', 'pageToken'];
  for (const name of names) {
    const text = logged((log) => {
      log.info({ [name]: marker, deep: { headers: { [name]: [marker] } } }, 'seen');
      log.child({ [name]: marker }).info('bound');
    });
    assert.ok(!text.includes(marker), `${name}: ${text}`);
  }
});

test('requests, headers, bytes and other objects of a class are not written out', () => {
  class Session { readonly held = marker; }
  const text = logged((log) => log.info({ headers: new Headers({ 'x-a': marker }), session: new Session(), bytes: Buffer.from(marker), url: `/v1/promises?q=${marker}`, at: new URL(`https://a.test/?q=${marker}`), map: new Map([['password', marker]]) }));
  assert.ok(!text.includes(marker), text);
  assert.match(text, /\[Headers\].*\[Session\].*\[9 bytes\]/);
});

test('what looks like a credential is blotted out of any text, the message and the stack included', () => {
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';
  const opaque = 'Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZmdoaWo'.padEnd(43, 'A9z').slice(0, 43);
  const looks = [jwt, 'mst_0123456789abcdef0123456789abcdef_s3cret', `Bearer ${marker}`, `Basic ${marker}`, opaque, 'ada.o\'neil+x@mail.acme.test', 'ada%40acme.test', `postgres://mainstay:${marker}@db.test/x`, `https://a.test/b?code=${marker}`];
  for (const look of looks) {
    const text = logged((log) => {
      log.info(`before ${look} after`);
      log.info('with %s in it', look);
      log.error(new Error(`first line\n${look}`));
      log.info({ note: `"${look}"\t${look}` });
    });
    for (const part of [look, marker]) assert.ok(!text.includes(part), `${look}: ${text}`);
    assert.match(text, /before .*after/);
  }
});

test('what is hidden by its value is in no line', () => {
  hideText('correct horse battery');
  assert.ok(!logged((log) => log.info({ a: ['correct horse battery'] }, 'correct horse battery')).includes('horse'));
});

test('a line stays JSON, and plain words stay, whatever text is logged', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
    const line = JSON.stringify({ msg: text, end: 'of line' });
    assert.equal((JSON.parse(redactText(line)) as { end: string }).end, 'of line');
  }), { numRuns: 2000 });
  for (const plain of ['kernel/placement/serve-methods.ts:42:17', '0198a1b2-0000-7000-8000-000000000000', 'listening on http://localhost:4400', 'mod.promist.v1.PromisesService/CreatePromise', 'module @mainstay/kernel']) assert.equal(redactText(plain), plain);
});

// A text of which every letter is looked at once more for each letter before it would keep this for many minutes.
test('texts of any length and shape are cleaned to their end, at a cost that grows with their length alone', () => {
  const units = ['a', '1', 'é.', 'a.', '@', 'a@', 'a@b.', '%40', 'a%40', 'a%40b.', '-a', '://', 'a://:', 'a://?', 'a://u:p@', 'Bearer ', 'eyJaaaaa.', 'mst_', '"', ' ', '\\n', '\\\\'];
  for (const unit of units) {
    const text = redactText(`${unit.repeat(200_000 / unit.length)} postgres://mainstay:${marker}@db.test/x ada@acme.test mst_${marker}`);
    assert.ok(!text.includes(marker) && !text.includes('ada@'), `${unit}: ${text.slice(-200)}`);
  }
});

test('a long text is cut, between two words, and says how much is missing', () => {
  const secret = `mst_${marker.repeat(6)}`;
  for (const blanks of [9_950, 9_990]) {
    const long = `${'word '.repeat(blanks / 5)}${secret} ${'x '.repeat(1_000_000)}`;
    const text = logged((log) => {
      log.info(long);
      log.info({ note: long }, 'short');
      log.error(new Error(long));
    });
    assert.ok(text.length < 60_000, String(text.length));
    assert.ok(!text.includes(marker));
    assert.match(text, /word … \(\d+ characters more\)/);
  }
});
