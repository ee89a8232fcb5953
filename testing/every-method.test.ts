import assert from 'node:assert/strict';
import type { DescMessage, DescMethod, DescMethodServerStreaming, DescMethodUnary, Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { reasonOf, type Module } from '@mainstay/kernel';
import { AccountsService, OrgsService } from '@mainstay/sys-accounts/contract';
import { modules } from '@mainstay/main/modules';
import fc, { type Arbitrary } from 'fast-check';
import { anyMessage } from './any-message.ts';
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

/** An object with the message's own keys, and any JSON below them. */
const anyJsonOf = (schema: DescMessage): Arbitrary<unknown> => fc.dictionary(fc.constantFrom('x', ...schema.fields.map(({ jsonName }) => jsonName)), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 });
