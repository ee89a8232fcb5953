import assert from 'node:assert/strict';
import { Code, ConnectError } from '@connectrpc/connect';
import { reasonOf, violationsOf } from '@mainstay/kernel';
import { setCurrentTime } from '@mainstay/kernel/testing';
import { PromisesService } from '@mainstay/mod-promist/contract';
import { AccountsService } from '@mainstay/sys-accounts/contract';
import { exportJWK, generateKeyPair, SignJWT, decodeJwt, decodeProtectedHeader } from 'jose';
import { everyTopology, type TestDeployment } from './index.ts';

interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  reason: string;
  errors?: { field: string; detail: string }[];
}

const ada = 'ada@acme.test';

async function problemOf(response: Response, status: number, reason: string | RegExp): Promise<Problem> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  const problem = JSON.parse(text) as Problem;
  assert.equal(problem.status, status);
  assert.match(problem.type, /^urn:mainstay:problem:/);
  assert.ok(problem.title && problem.detail, text);
  if (typeof reason === 'string') assert.equal(problem.reason, reason, text);
  else assert.match(problem.reason, reason, text);
  return problem;
}

async function countOf(deployment: TestDeployment): Promise<number> {
  const response = await deployment.fetch('/v1/promises?view=ALL&shelf=BOTH&pageSize=1000', { as: ada });
  return ((await response.json()) as { promises: unknown[] }).promises.length;
}

/** Asserts that what `work` does writes no promise. */
async function writesNothing(deployment: TestDeployment, work: () => Promise<void>): Promise<void> {
  const before = await countOf(deployment);
  await work();
  assert.equal(await countOf(deployment), before);
}

everyTopology('malformed JSON is a problem document and writes nothing', (deployment) =>
  writesNothing(deployment, async () => {
    for (const body of ['{', '{"title":"a"', '[]', '"x"', 'null', '{"title":"a"}}', '{"title":"\u0000"}', '']) {
      const response = await deployment.fetch('/v1/promises', { as: ada, method: 'POST', body });
      await problemOf(response, 400, /^kernel\./);
    }
  }),
);

everyTopology('wrong types, unknown fields and unknown enum values name their field', (deployment) =>
  writesNothing(deployment, async () => {
    const cases: [body: object, field: RegExp][] = [
      [{ title: 5 }, /title/],
      [{ title: 'a', dueTime: 'tomorrow' }, /due_?time/i],
      [{ title: 'a', tags: 'x' }, /tags/],
      [{ title: 'a', colour: 'red' }, /colour/],
      [{ title: 'a', reminders: [{ time: '2030-01-01T00:00:00Z', method: 'PIGEON' }] }, /method/],
      [{ title: 'x'.repeat(501) }, /title/],
    ];
    for (const [body, field] of cases) {
      const problem = await problemOf(await deployment.fetch('/v1/promises', { as: ada, body }), 400, /^kernel\./);
      assert.ok(problem.errors?.some((error) => field.test(error.field)), JSON.stringify(problem));
    }
    const query = await problemOf(await deployment.fetch('/v1/promises?state=MAYBE', { as: ada }), 400, /^kernel\./);
    assert.ok(query.errors?.some(({ field, detail }) => /state/.test(field) && /PENDING/.test(detail)), JSON.stringify(query));
  }),
);

everyTopology('a body over the limit is refused', (deployment) =>
  writesNothing(deployment, async () => {
    const body = JSON.stringify({ title: 'a', description: 'x'.repeat(17 * 1024 * 1024) });
    await problemOf(await deployment.fetch('/v1/promises', { as: ada, body }), 413, 'kernel.BODY_TOO_LARGE');
    const authorization = `Bearer ${await deployment.token(ada)}`;
    const connect = await fetch(`${deployment.address}/mod.promist.v1.PromisesService/CreatePromise`, { method: 'POST', headers: { 'content-type': 'application/json', authorization }, body: JSON.stringify({ promise: JSON.parse(body) }) });
    assert.equal(((await connect.json()) as { code: string }).code, 'resource_exhausted');
    const promises = await deployment.client(PromisesService, ada);
    // Connect's own client reports the reset of the stream instead of the status that came before it.
    await assert.rejects(promises.createPromise({ promise: { title: 'a', description: 'x'.repeat(17 * 1024 * 1024) } }), /resource_exhausted|ENHANCE_YOUR_CALM/);
  }),
);

everyTopology('a request that carries no file is at most 1 MiB, whoever sends it', async (deployment) => {
  const reminders = (count: number) => Array.from({ length: count }, () => ({}));
  await problemOf(await deployment.fetch('/v1/promises', { body: { title: 'a', reminders: reminders(500_000) } }), 413, 'kernel.BODY_TOO_LARGE');
  const promises = await deployment.client(PromisesService, ada);
  await assert.rejects(promises.createPromise({ promise: { title: 'a', reminders: reminders(600_000) } }), /resource_exhausted|ENHANCE_YOUR_CALM/);
  const content = Buffer.from(JSON.stringify({ promises: [] }).padEnd(2 * 1024 * 1024));
  for await (const { step } of promises.importPromises({ content })) assert.notEqual(step.case, undefined);
});

everyTopology('malformed protobuf is refused', (deployment) =>
  writesNothing(deployment, async () => {
    const authorization = `Bearer ${await deployment.token(ada)}`;
    const response = await fetch(`${deployment.address}/mod.promist.v1.PromisesService/CreatePromise`, {
      method: 'POST',
      headers: { 'content-type': 'application/proto', 'connect-protocol-version': '1', authorization },
      body: new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0x0f, 0x01]),
    });
    assert.equal(response.status, 400);
    const { code, message } = (await response.json()) as { code: string; message: string };
    assert.equal(code, 'invalid_argument');
    assert.match(message, /^the message is not valid protobuf:/);
  }),
);

everyTopology('a page token that this list did not give out is refused', async (deployment) => {
  const promises = await deployment.client(PromisesService, ada);
  await promises.createPromise({ promise: { title: 'one' } });
  await promises.createPromise({ promise: { title: 'two' } });
  const { nextPageToken } = await promises.listPromises({ pageSize: 1 });
  assert.notEqual(nextPageToken, '');
  const tampered = `${nextPageToken.slice(0, -2)}${nextPageToken.endsWith('A') ? 'B' : 'A'}${nextPageToken.at(-1)}`;
  for (const token of ['nonsense', tampered, `${nextPageToken}x`]) {
    await problemOf(await deployment.fetch(`/v1/promises?pageSize=1&pageToken=${encodeURIComponent(token)}`, { as: ada }), 400, 'kernel.BAD_PAGE_TOKEN');
  }
  await problemOf(await deployment.fetch(`/v1/promises?pageSize=1&tag=other&pageToken=${encodeURIComponent(nextPageToken)}`, { as: ada }), 400, 'kernel.BAD_PAGE_TOKEN');
  await assert.rejects(promises.listPromises({ pageSize: 1, pageToken: 'nonsense' }), (error) => reasonOf(error) === 'kernel.BAD_PAGE_TOKEN' && ConnectError.from(error).code === Code.InvalidArgument);
});

everyTopology('tokens that do not hold are refused, with a reason', async (deployment) => {
  const good = await deployment.token(ada);
  const [header, payload, signature] = good.split('.') as [string, string, string];
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = decodeJwt(good);
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const forge = (change: object, head: object = {}) => new SignJWT({ ...claims, ...change }).setProtectedHeader({ ...decodeProtectedHeader(good), alg: 'ES256', ...head }).sign(privateKey);
  const bad = [
    `${header}.${encode({ ...claims, sub: crypto.randomUUID() })}.${signature}`,
    `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
    `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
    `${encode({ ...decodeProtectedHeader(good), alg: 'none' })}.${payload}.${signature}`,
    await forge({}),
    await forge({}, { kid: 'another' }),
    await forge({}, { jwk: await exportJWK(publicKey) }),
    'not-a-token',
    'mst_nothing_nothing',
    '',
  ];
  for (const token of bad) {
    const response = await deployment.fetch('/v1/promises', { headers: { authorization: `Bearer ${token}` } });
    await problemOf(response, 401, /^(sys-core|kernel)\./);
    const promises = await deployment.client(PromisesService, token || 'x');
    await assert.rejects(promises.listPromises({}), (error) => ConnectError.from(error).code === Code.Unauthenticated);
  }
  await problemOf(await deployment.fetch('/v1/promises'), 401, 'kernel.UNAUTHENTICATED');
});

everyTopology('an access token is good for ten minutes', async (deployment) => {
  const token = await deployment.token(ada);
  const ask = () => deployment.fetch('/v1/promises', { headers: { authorization: `Bearer ${token}` } });
  const inMinutes = (minutes: number) => setCurrentTime(new Date(Date.now() + minutes * 60_000), performance.now());
  try {
    inMinutes(9);
    assert.equal((await ask()).status, 200);
    inMinutes(11);
    await problemOf(await ask(), 401, 'sys-core.TOKEN_EXPIRED');
  } finally {
    inMinutes(0);
  }
}, { here: true });

const elsewhere = { modules: { 'sys-core': null, 'sys-accounts': { audience: ['https://elsewhere.test'] }, 'sys-email': null, 'mod-promist': null } };

everyTopology(
  'a token for another audience is refused, though its signature holds',
  async (deployment) => {
    await problemOf(await deployment.fetch('/v1/promises', { as: ada }), 401, 'sys-core.TOKEN_WRONG_AUDIENCE');
  },
  elsewhere,
);

everyTopology("another org's promise is not found, never forbidden", async (deployment) => {
  const promises = await deployment.client(PromisesService, ada);
  const { id } = await promises.createPromise({ promise: { title: 'of Acme' } });
  const eve = await deployment.client(PromisesService, 'eve@umbrella.test');
  const notFound = (error: unknown) => ConnectError.from(error).code === Code.NotFound && reasonOf(error) === 'mod-promist.PROMISE_NOT_FOUND';
  const unknown = crypto.randomUUID();
  for (const promiseId of [id, unknown]) {
    await assert.rejects(eve.getPromise({ promiseId }), notFound);
    await assert.rejects(eve.updatePromise({ promise: { id: promiseId, title: 'mine now' } }), notFound);
    await assert.rejects(eve.fulfillPromise({ promiseId }), notFound);
    await assert.rejects(eve.deletePromise({ promiseId }), notFound);
    await assert.rejects(eve.listChanges({ promiseId }), notFound);
    await problemOf(await deployment.fetch(`/v1/promises/${promiseId}`, { as: 'eve@umbrella.test' }), 404, 'mod-promist.PROMISE_NOT_FOUND');
  }
  assert.equal((await promises.getPromise({ promiseId: id })).title, 'of Acme');
});

everyTopology('violations reach gRPC clients with their fields', async (deployment) => {
  const promises = await deployment.client(PromisesService, ada);
  await assert.rejects(promises.createPromise({ promise: { title: 'x'.repeat(600) } }), (error) => {
    assert.equal(ConnectError.from(error).code, Code.InvalidArgument);
    assert.equal(reasonOf(error), 'kernel.INVALID_REQUEST');
    assert.deepEqual(violationsOf(error).map(({ field }) => field), ['promise.title']);
    return true;
  });
});

everyTopology('paths that lead nowhere say so', async (deployment) => {
  await problemOf(await deployment.fetch('/v1/nothing'), 404, 'kernel.NO_SUCH_PATH');
  const wrongMethod = await deployment.fetch('/v1/promises', { method: 'PUT', as: ada, body: {} });
  assert.match(wrongMethod.headers.get('allow') ?? '', /GET/);
  await problemOf(wrongMethod, 405, 'kernel.METHOD_NOT_ALLOWED');
  const wrongType = await deployment.fetch('/v1/promises', { method: 'POST', as: ada, body: 'title=a', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  await problemOf(wrongType, 415, /^kernel\./);
});

everyTopology('an error about a huge value leaves the connection to the calls after it', async (deployment) => {
  const accounts = await deployment.client(AccountsService, ada);
  for (const paths of [['x'.repeat(1_000_000)], Array<string>(100_000).fill('x')]) {
    await assert.rejects(accounts.updateAccount({ account: {}, updateMask: { paths } }), (error) => ConnectError.from(error).code === Code.InvalidArgument);
    await accounts.getAccount({ accountId: 'me' });
  }
});
