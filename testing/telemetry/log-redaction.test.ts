import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { create, getOption, ScalarType, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { sensitive } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { defineModule, job, serve, type Database, type Logger } from '@mainstay/kernel';
import { createLog, LedgerService, until } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import fc from 'fast-check';
import { sql } from 'kysely';
import { z } from 'zod';
import { startDeployment, type TestDeployment } from '../start-deployment.ts';

const marker = 'Xq7marker';
const email = `${marker}@leak.test`;
const folder = mkdtempSync(join(tmpdir(), 'mainstay-log-'));
const logFile = join(folder, 'log');
const migrations = join(folder, 'migrations');

const fail = job<Needs, { text: string }>('fail', async (_needs, { text }) => {
  throw new Error(`nobody answers at ${text}`);
});

interface Needs {
  db: Database<any>;
  log: Logger;
}

/** A module whose every handler fails with what it was given. */
const leaky = defineModule({
  name: 'mod-leaky',
  config: z.strictObject({}),
  requires: {},
  database: { migrations: pathToFileURL(`${migrations}/`) },
  jobs: [fail],
  services: [serve(LedgerService, ({ db, log }: Needs) => ({
    async writeLine({ $typeName, ...line }) {
      const { text, trouble } = line;
      log.trace({ request: { $typeName, ...line }, line: { $typeName, ...line } }, 'a line to write');
      if (trouble === 'fault') throw new Error(`could not send to ${text}`, { cause: new Error(`Bearer ${text}`) });
      if (trouble === 'unique') await db.write((tx) => sql`insert into mod_leaky_people (email) values (${text})`.execute(tx));
      if (trouble === 'cast') await db.write((tx) => sql`select ${text}::uuid`.execute(tx));
      if (trouble === 'check') await db.write((tx) => sql`insert into mod_leaky_people (email) values (${`${text} ${text}`})`.execute(tx));
      if (trouble === 'job') await db.write((tx) => tx.enqueue(fail, { text }, { maxAttempts: 1 }));
      return { text };
    },
    issueSecret: ({ text }) => ({ secret: text }),
    async *writeLines({ text }) {
      yield { text };
      throw new TypeError(`no line for ${text}`);
    },
    closeLedger: () => ({}),
    countLines: () => ({}),
  }))],
});

/** One that cannot start, and says why with a password in it. */
const broken = defineModule({
  name: 'mod-broken',
  config: z.strictObject({}),
  requires: {},
  services: [serve(LedgerService, () => {
    throw new Error(`postgres://someone:${marker}@db.test/x can not be reached for ${email}`);
  })],
});

let deployment: TestDeployment;
before(async () => {
  mkdirSync(migrations);
  writeFileSync(join(migrations, '0001-people.sql'), 'create table mod_leaky_people (email text unique, check (email not like \'% %\'));');
  deployment = await startDeployment({ logFile, telemetry: { requestLog: 'all' }, ownModules: [leaky], modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-leaky': null } });
});
after(async () => {
  await deployment.stop();
  rmSync(folder, { recursive: true });
});

const log = () => readFileSync(logFile, 'utf8');
const write = (trouble: string) => deployment.fetch('/v1/ledger/lines', { as: 'ada@acme.test', body: { text: email, ownerId: marker, trouble }, headers: { 'idempotency-key': `${marker}-${trouble}-${Math.random()}`, cookie: `session=${marker}` } });

test('whatever fails in a deployment, its log at every level holds no secret and no address', async () => {
  for (const trouble of ['fault', 'cast', 'check']) assert.equal((await write(trouble)).status, 500, trouble);
  for (const status of [200, 500]) assert.equal((await write('unique')).status, status);
  assert.equal((await write('job')).status, 200);
  await deployment.fetch('/v1/ledger/lines:many', { as: 'ada@acme.test', body: { text: email, count: 1 } });
  await deployment.fetch('/v1/sessions', { body: { email, password: `${marker}-password` } });
  await deployment.fetch(`/v1/accounts?search=${encodeURIComponent(email)}`, { as: `mst_${marker}` });
  await fetch(`${deployment.address}/v1/promises?token=${marker}`, { headers: { authorization: `Bearer ${marker}` } });
  await until(() => log().includes('dead letter'));
  const text = log();
  for (const seen of ['a handler failed', 'a line to write', 'dead letter', '"msg":"request"', '23505', 'could not send to [redacted]']) assert.ok(text.includes(seen), seen);
  const leaks = text.split('\n').filter((line) => new RegExp(marker, 'i').test(line));
  assert.deepEqual(leaks, []);
  const token = await deployment.token('ada@acme.test');
  for (const part of [token, token.split('.')[2]!, 'ada@acme.test', 'mainstay-demo']) assert.ok(!text.includes(part), part);
});

test('what keeps a module or a process from starting is told without its secrets', async () => {
  const file = join(folder, 'start');
  const started = await startDeployment({ logFile: file, ownModules: [broken], modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-broken': { optional: true } } });
  // A failure of ours, which gets its line without anybody asking for lines.
  assert.equal((await started.fetch('/v1/ledger/lines', { body: { text: 'any' } })).status, 503);
  await started.stop();
  const text = readFileSync(file, 'utf8');
  assert.match(text, /an optional module is quarantined/);
  assert.match(text, /"code":"UNAVAILABLE","reason":"kernel\.MODULE_QUARANTINED".*"status":503.*"msg":"request"/);
  assert.ok(!text.includes(marker), text);
});

/** Every message of every contract of this build. */
const nested = (messages: readonly DescMessage[]): DescMessage[] => messages.flatMap((message) => [message, ...nested(message.nestedMessages)]);
const files = new Set(modules.flatMap(({ services = [], emits = [] }) => [...services.map(({ service }) => service.file), ...emits.map(({ file }) => file)]));
const all = [...files].flatMap(({ messages }) => nested(messages));

function random(schema: DescMessage, shape: fc.Random, depth = 0): Message {
  const one = (field: DescField, secret: boolean): unknown => {
    if (field.message) return depth < 4 ? random(field.message, shape, depth + 1) : undefined;
    if (field.scalar === ScalarType.STRING) return secret ? `${marker}${shape.nextInt()}` : 'open';
    if (field.scalar === ScalarType.BYTES) return secret ? Buffer.from(marker) : new Uint8Array(2);
    return undefined;
  };
  const init: Record<string, unknown> = {};
  for (const field of schema.fields) {
    if (shape.nextInt(0, 4) === 0 || field.fieldKind === 'map') continue;
    const value = one(field, getOption(field, sensitive));
    if (value === undefined) continue;
    if (field.oneof) init[field.oneof.localName] = { case: field.localName, value };
    else init[field.localName] = field.fieldKind === 'list' ? [value, value] : value;
  }
  return create(schema, init as never);
}

test('no message of any module shows a sensitive field in the log', () => {
  assert.ok(all.length > 50 && all.some(({ fields }) => fields.some((field) => getOption(field, sensitive))));
  const file = join(folder, 'messages');
  const messages = createLog({ level: 'trace', destination: file });
  fc.assert(fc.property(fc.constantFrom(...all), fc.infiniteStream(fc.nat()), (schema, seeds) => {
    const draw = seeds[Symbol.iterator]();
    const nextInt = (from = 0, to = 2 ** 30) => from + ((draw.next().value as number) % (to - from + 1));
    messages.info({ message: random(schema, { nextInt } as never), list: [random(schema, { nextInt } as never)] }, 'seen');
  }), { numRuns: 1000 });
  const text = readFileSync(file, 'utf8');
  assert.ok(text.includes('open'));
  assert.deepEqual(text.split('\n').filter((line) => line.includes(marker)), []);
});
