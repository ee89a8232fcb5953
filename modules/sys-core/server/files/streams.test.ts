import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Code } from '@connectrpc/connect';
import { testS3Server, until } from '@mainstay/kernel/testing';
import { startDeployment, type TestDeployment } from '@mainstay/testing';
import { FilesService } from '../../contract/index.ts';

const mebibyte = 1024 * 1024;
const ada = 'ada@acme.test';
const s3 = await testS3Server();
const sections = { 'sys-core': { files: { maxFileMiB: 256, orgQuotaMiB: 512 } }, 'sys-accounts': null, 'sys-email': null };
const deployments: Record<string, TestDeployment> = {
  disk: await startDeployment({ modules: sections }),
  s3: await startDeployment({ modules: sections, files: { s3: s3.settings } }),
};
after(async () => {
  for (const deployment of Object.values(deployments)) await deployment.stop();
  await s3.stop();
});

/** What this process holds, the deployment and the test together. */
const held = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;

async function highest<T>(work: () => Promise<T>): Promise<{ result: T; grown: number }> {
  const before = held();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, held())), 20);
  const result = await work().finally(() => clearInterval(timer));
  return { result, grown: most - before };
}

/** A request whose body the test writes as it likes. */
async function opened(deployment: TestDeployment, path: string, headers: Record<string, string> = {}) {
  const sending = request(deployment.address + path, { method: 'POST', headers: { authorization: `Bearer ${await deployment.token(ada)}`, ...headers } });
  const answer = new Promise<{ status: number; body: string }>((resolve, reject) => {
    sending.on('error', reject).on('response', async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode!, body });
    });
  });
  answer.catch(() => {});
  return { sending, answer };
}

const incoming = (deployment: TestDeployment) => readdirSync(deployment.dataFolder, { recursive: true, encoding: 'utf8' }).filter((path) => path.startsWith('incoming/'));

for (const [name, deployment] of Object.entries(deployments)) {
  test(`200 MiB go in and out in little memory, however slow the reader (${name})`, { timeout: 120_000 }, async () => {
    const chunk = randomBytes(mebibyte);
    const hash = createHash('sha256');
    const sent = await highest(async () => {
      const { sending, answer } = await opened(deployment, '/v1/files?name=large');
      for (let count = 0; count < 200; count++) {
        chunk.writeUInt32BE(count);
        hash.update(chunk);
        if (!sending.write(Buffer.from(chunk))) await new Promise((resolve) => sending.once('drain', resolve));
      }
      sending.end();
      return answer;
    });
    assert.equal(sent.result.status, 200, sent.result.body);
    const { id, sha256 } = JSON.parse(sent.result.body) as { id: string; sha256: string };
    assert.equal(sha256, hash.digest('hex'));
    assert.ok(sent.grown < 100 * mebibyte, `it grew by ${sent.grown / mebibyte} MiB while it received`);
    const read = await highest(async () => {
      const response = await deployment.fetch(`/v1/files/${id}/content`, { as: ada });
      const found = createHash('sha256');
      let size = 0;
      for await (const part of response.body!) {
        found.update(part);
        if ((size += part.length) < mebibyte) await pause(20);
      }
      return [size, found.digest('hex')];
    });
    assert.deepEqual(read.result, [200 * mebibyte, sha256]);
    assert.ok(read.grown < 100 * mebibyte, `it grew by ${read.grown / mebibyte} MiB while it sent`);
    await deployment.fetch(`/v1/files/${id}`, { method: 'DELETE', as: ada });
  });

  test(`a reader that stops holds the sender back, and one that leaves ends it (${name})`, async () => {
    const file = (await (await fetch(`${deployment.address}/v1/files?name=x`, { method: 'POST', body: randomBytes(40 * mebibyte), headers: { authorization: `Bearer ${await deployment.token(ada)}` } })).json()) as { id: string };
    const { grown } = await highest(async () => {
      const leave = new AbortController();
      const stalled = await Promise.all(Array.from({ length: 10 }, async () => fetch(`${deployment.address}/v1/files/${file.id}/content`, { signal: leave.signal, headers: { authorization: `Bearer ${await deployment.token(ada)}` } })));
      await pause(500);
      assert.ok(stalled.every(({ status }) => status === 200));
      leave.abort();
    });
    assert.ok(grown < 100 * mebibyte, `ten stalled readers of 40 MiB took ${grown / mebibyte} MiB`);
    await deployment.fetch(`/v1/files/${file.id}`, { method: 'DELETE', as: ada });
  });

  test(`an upload that breaks off leaves nothing behind (${name})`, async () => {
    const { sending, answer } = await opened(deployment, '/v1/files?name=broken', { 'content-length': String(20 * mebibyte) });
    sending.write(randomBytes(mebibyte));
    await until(() => incoming(deployment).length > 0, 'the content begins to arrive');
    sending.destroy();
    await assert.rejects(answer);
    await until(() => incoming(deployment).length === 0, 'its part is removed');
    const { files } = (await (await deployment.fetch('/v1/files', { as: ada })).json()) as { files: { name: string }[] };
    assert.ok(!files.some((file) => file.name === 'broken'));
  });

  test(`an upload ends with its session, though its sender keeps the stream open (${name})`, async () => {
    const session = (await (await deployment.fetch('/v1/sessions', { body: { email: ada, password: 'mainstay-demo' } })).json()) as { sessionId: string; accessToken: string };
    const gate = Promise.withResolvers<void>();
    const upload = (await deployment.client(FilesService, session.accessToken)).uploadFile((async function* () {
      yield { name: 'open', content: { contentType: 'text/plain', data: Buffer.from('content') } };
      await gate.promise;
    })());
    const refused = assert.rejects(upload, { code: Code.Unauthenticated });
    await until(() => incoming(deployment).length === 1);
    assert.equal((await deployment.fetch(`/v1/sessions/${session.sessionId}`, { method: 'DELETE', as: session.accessToken })).status, 200);
    await refused;
    await until(() => incoming(deployment).length === 0, 'what was received is removed');
    gate.resolve();
  });

  test(`an upload that its sender leaves while it is kept gives its room back (${name})`, async () => {
    const quota = async () => (await deployment.fetch('/v1/files:quota', { as: ada })).json();
    const before = await quota();
    await deployment.sql(`create function public.keep_slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(20); return new; end $$`);
    await deployment.sql(`create trigger slowly before update on sys_core.sys_core_files for each row when (new.name = 'slow') execute function public.keep_slowly()`);
    const { sending, answer } = await opened(deployment, '/v1/files?name=slow');
    sending.end('content');
    await until(async () => (await deployment.sql(`select 1 from pg_stat_activity where query like 'update "sys_core_files"%' and wait_event = 'PgSleep'`)).length === 1);
    assert.notDeepEqual(await quota(), before);
    sending.destroy();
    await assert.rejects(answer);
    await until(async () => isDeepStrictEqual(await quota(), before), 'its room is given back');
    assert.deepEqual(await deployment.sql(`select id from sys_core.sys_core_files where name = 'slow'`), []);
    await deployment.sql('drop trigger slowly on sys_core.sys_core_files');
  });

  test(`of uploads with one key at the same moment one keeps its room, also where the first of them failed (${name})`, async () => {
    const key = crypto.randomUUID();
    const first = await opened(deployment, `/v1/files?name=${key}`, { 'idempotency-key': key, 'content-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` });
    first.sending.write('con');
    await until(() => incoming(deployment).length === 1);
    const others = Array.from({ length: 5 }, async () => {
      const { sending, answer } = await opened(deployment, `/v1/files?name=${key}`, { 'idempotency-key': key });
      sending.end('content');
      return (JSON.parse((await answer).body) as { id: string }).id;
    });
    await pause(200);
    first.sending.end('tent');
    assert.equal((await first.answer).status, 400);
    const ids = await Promise.all(others);
    assert.equal(new Set(ids).size, 1);
    const rows = () => deployment.sql('select id, state from sys_core.sys_core_files where name = $1', [key]);
    await until(async () => isDeepStrictEqual(await rows(), [{ id: ids[0], state: 'READY' }]), 'what the others took is given back');
    const [[used], [kept]] = await Promise.all([deployment.sql('select sum(files)::int as files from sys_core.sys_core_file_usage'), deployment.sql('select count(*)::int as files from sys_core.sys_core_files')]);
    assert.deepEqual(used, kept);
  });

  test(`an upload is refused before its body is read (${name})`, async () => {
    for (const [headers, status, reason] of [
      [{ authorization: '' }, 401, 'sys-core.CREDENTIALS_UNKNOWN'],
      [{ authorization: 'Bearer nonsense' }, 401, 'sys-core.TOKEN_INVALID'],
      [{ 'content-length': String(300 * mebibyte) }, 413, 'kernel.BODY_TOO_LARGE'],
    ] as const) {
      const { sending, answer } = await opened(deployment, '/v1/files?name=x', { 'content-length': '1000', ...headers });
      // Not one byte of the body is sent.
      sending.flushHeaders();
      const { status: got, body } = await answer;
      assert.deepEqual([got, (JSON.parse(body) as { reason: string }).reason], [status, reason]);
      sending.destroy();
    }
  });

  test(`whoever sends on after a refusal can read it (${name})`, async () => {
    const response = await fetch(`${deployment.address}/v1/files?name=x`, { method: 'POST', body: randomBytes(30 * mebibyte) });
    assert.deepEqual([response.status, ((await response.json()) as { reason: string }).reason], [401, 'kernel.UNAUTHENTICATED']);
  });
}
