import assert from 'node:assert/strict';
import { create, ScalarType, type DescEnum, type DescField, type DescMessage, type DescMethod, type DescMethodServerStreaming, type DescMethodUnary, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { reasonOf, type Module } from '@mainstay/kernel';
import { AccountsService, OrgsService } from '@mainstay/sys-accounts/contract';
import { modules } from '@mainstay/main/modules';
import fc, { type Arbitrary } from 'fast-check';
import { everyTopology, type TestDeployment } from './index.ts';

const methods = (modules as readonly Module[]).flatMap(({ services = [] }) => services).flatMap(({ service }) => service.methods);
const people = [undefined, 'eve@umbrella.test', 'ada@acme.test', 'olga@acme.test', 'ops@mainstay.test', 'root@mainstay.test'];
/** Longer than this is a call that hangs. */
const hangsAfterMs = 10_000;
/** The same requests in every run of the checks; `MAINSTAY_SWEEP=SEED,FACTOR` sends others, and so many times as many. */
const [seed = 1, factor = 1] = (process.env.MAINSTAY_SWEEP ?? '').split(',').filter(Boolean).map(Number);

everyTopology('every method answers anyone and anything on purpose, and soon', async (deployment) => {
  const ids = await idsOf(deployment);
  for (const person of people) {
    const as = person && (await deployment.token(person));
    const transport = createGrpcTransport({ baseUrl: deployment.address });
    for (const method of methods) {
      // A locked account would end the sweep for the one who is locked.
      const requests = anyMessage(method.input, method === AccountsService.method.lockAccount ? [] : ids);
      await fc.assert(fc.asyncProperty(requests, (request) => answersOnPurpose(transport, method, request, as)), { seed, numRuns: 6 * factor, endOnFailure: true });
    }
  }
});

everyTopology('every method answers any JSON on purpose', async (deployment) => {
  const as = await deployment.token('ada@acme.test');
  for (const method of methods) {
    const bodies = fc.oneof(fc.json({ maxDepth: 3 }), anyJsonOf(method.input).map((value) => JSON.stringify(value)));
    const check = async (body: string) => {
      const address = `${deployment.address}/${method.parent.typeName}/${method.name}`;
      const type = method.methodKind === 'unary' ? 'application/json' : 'application/connect+json';
      const envelope = Buffer.alloc(5);
      envelope.writeUInt32BE(Buffer.byteLength(body), 1);
      const sent = method.methodKind === 'unary' ? body : Buffer.concat([envelope, Buffer.from(body)]);
      const response = await fetch(address, { method: 'POST', headers: { 'content-type': type, 'connect-timeout-ms': '500', authorization: `Bearer ${as}` }, body: sent });
      const text = await response.text();
      assert.ok(response.status < 500 || response.status === 504, text);
      assert.doesNotMatch(text, /"code":"(internal|unknown)"/);
    };
    await fc.assert(fc.asyncProperty(bodies, check), { seed, numRuns: 8 * factor, endOnFailure: true });
  }
});

/** Fails unless the answer is one that the contract can have meant. */
async function answersOnPurpose(transport: Transport, method: DescMethod, request: Message, token: string | undefined): Promise<void> {
  const header: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const began = performance.now();
  try {
    if (method.methodKind === 'unary') await transport.unary(method as DescMethodUnary, undefined, hangsAfterMs, header, request as never);
    else await firstOf(transport, method as DescMethodServerStreaming, header, request);
  } catch (thrown) {
    const error = ConnectError.from(thrown);
    assert.ok(![Code.Internal, Code.Unknown, Code.DeadlineExceeded].includes(error.code), error.message);
    assert.ok(reasonOf(error), `it gives no reason: ${error.message}`);
  }
  assert.ok(performance.now() - began < hangsAfterMs);
}

/** Waits a little for the first message: a stream may rightly have none yet. */
async function firstOf(transport: Transport, method: DescMethodServerStreaming, header: Record<string, string>, request: Message): Promise<void> {
  const enough = AbortSignal.timeout(100);
  try {
    const { message } = await transport.stream(method, enough, undefined, header, one(request) as never);
    for await (const _ of message) return;
  } catch (error) {
    if (!enough.aborted) throw error;
  }
}

async function* one<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** Ids that exist, of several people and orgs. */
async function idsOf(deployment: TestDeployment): Promise<string[]> {
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  const { accounts } = await root.listAccounts({});
  const { orgs } = await (await deployment.client(OrgsService, 'root@mainstay.test')).listOrgs({});
  const promises = await Promise.all(['ada@acme.test', 'eve@umbrella.test'].map(async (as) => (await (await deployment.fetch('/v1/promises', { as })).json()) as { promises: { id: string }[] }));
  return [...accounts.map(({ accountId }) => accountId), ...orgs.map(({ orgId }) => orgId), ...promises.flatMap(({ promises }) => promises.map(({ id }) => id))];
}

const texts = ['', ' ', 'a', 'me', '*', '%', "'", '\0', '\u202e\u{1f600}', '\ud800', 'x'.repeat(300), 'x'.repeat(100_000), 'a@b.test', 'nobody@acme.test', '2026-02-30', 'Europe/Berlin', 'FREQ=DAILY', 'FREQ=SECONDLY;INTERVAL=0', '__proto__', 'title', 'name', '00000000-0000-0000-0000-000000000000', 'http://a.test'];
const numbers = [0, 1, -1, 2, 50, 1001, 2 ** 31 - 1, -(2 ** 31)];
const times = [0n, 1n, -1n, 1_800_000_000n, 253_402_300_799n, 253_402_300_800n, -62_135_596_800n, -62_135_596_801n, 2n ** 63n - 1n, -(2n ** 63n)];

/** A message of any values that its binary form can carry, the edges first. */
function anyMessage(schema: DescMessage, ids: readonly string[], depth = 0): Arbitrary<Message> {
  if (schema.typeName === 'google.protobuf.Timestamp') return fc.record({ seconds: fc.constantFrom(...times), nanos: fc.constantFrom(0, 0, -1, 999_999_999, 2_000_000_000) }).map((init) => create(schema, init as never));
  const members = schema.members.map((member) => (member.kind === 'oneof' ? fc.constantFrom(...member.fields) : fc.constant(member)));
  return fc
    .tuple(...members)
    .chain((fields) => fc.tuple(...fields.map((field) => fc.option(anyValue(field, ids, depth), { freq: 4 }).map((value) => [field, value] as const))))
    .map((values) => create(schema, Object.fromEntries(values.filter(([, value]) => value !== null).map(([field, value]) => (field.oneof ? [field.oneof.localName, { case: field.localName, value }] : [field.localName, value]))) as never));
}

function anyValue(field: DescField, ids: readonly string[], depth: number): Arbitrary<unknown> {
  const single = field.message ? (depth > 3 ? fc.constant(undefined) : anyMessage(field.message, ids, depth + 1)) : field.enum ? anyEnum(field.enum) : anyScalar(field.scalar!, ids);
  if (field.fieldKind === 'list') return fc.array(single, { maxLength: 4 });
  return field.fieldKind === 'map' ? fc.constant({}) : single;
}

const anyEnum = ({ values }: DescEnum) => fc.constantFrom(...values.map(({ number }) => number), 99, -1);

function anyScalar(scalar: ScalarType, ids: readonly string[]): Arbitrary<unknown> {
  switch (scalar) {
    case ScalarType.STRING:
      return ids.length > 0 ? fc.oneof({ arbitrary: fc.constantFrom(...ids), weight: 2 }, fc.constantFrom(...texts)) : fc.constantFrom(...texts);
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.constantFrom('{"promises":[{}]}', 'BEGIN:VCALENDAR\nBEGIN:VTODO', 'TYPE,CONTENT\ntask,"').map((text) => Buffer.from(text)));
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return fc.constantFrom(0n, 1n, 2n ** 63n - 1n);
    default:
      return fc.constantFrom(...numbers);
  }
}

/** An object with the message's own keys, and any JSON below them. */
const anyJsonOf = (schema: DescMessage): Arbitrary<unknown> => fc.dictionary(fc.constantFrom('x', ...schema.fields.map(({ jsonName }) => jsonName)), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 });
