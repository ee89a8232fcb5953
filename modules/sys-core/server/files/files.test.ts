import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import { testS3Server } from '@mainstay/kernel/testing';
import { startDeployment, type TestDeployment } from '@mainstay/testing';
import { FilesService, Visibility } from '../../contract/index.ts';

const [ada, olga, eve] = ['ada@acme.test', 'olga@acme.test', 'eve@umbrella.test'];
const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

interface FileJson {
  id: string;
  name: string;
  contentType: string;
  size: string;
  sha256: string;
  etag: string;
}

const s3 = await testS3Server();
const sections = { 'sys-core': { files: { maxFileMiB: 2, orgQuotaMiB: 3, maxFilesPerOrg: 60 } }, 'sys-accounts': null, 'sys-email': null };
const deployments: Record<string, TestDeployment> = {
  disk: await startDeployment({ modules: sections }),
  s3: await startDeployment({ modules: sections, files: { s3: s3.settings } }),
};
after(async () => {
  for (const deployment of Object.values(deployments)) await deployment.stop();
  await s3.stop();
});

for (const [name, deployment] of Object.entries(deployments)) {
  const fact = (what: string, run: () => Promise<void>): void => void test(`${what} (${name})`, run);
  const put = async (as: string, content: string | Uint8Array, query: string, headers: Record<string, string> = {}) =>
    fetch(`${deployment.address}/v1/files?${query}`, { method: 'POST', body: content as never, headers: { authorization: `Bearer ${await deployment.token(as)}`, ...headers } });
  const keep = async (as: string, content: string | Uint8Array, query: string, headers?: Record<string, string>) => {
    const response = await put(as, content, query, headers);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text) as FileJson;
  };
  const remove = async (as: string, ...ids: string[]) => {
    for (const id of ids) assert.equal((await deployment.fetch(`/v1/files/${id}`, { method: 'DELETE', as })).status, 200);
  };
  const refused = async (response: Response, status: number, reason: string, detail = /./) => {
    const problem = (await response.json()) as { reason: string; detail: string };
    assert.deepEqual([response.status, problem.reason], [status, reason], problem.detail);
    assert.match(problem.detail, detail);
  };
  const used = async () => Number(((await (await deployment.fetch('/v1/files:quota', { as: ada })).json()) as { usedBytes: string }).usedBytes);

  fact('a file is sent and read as raw bytes over REST', async () => {
    const content = randomBytes(700_000);
    const file = await keep(ada, content, 'name=random.bin', { 'content-type': 'image/png' });
    assert.match(file.etag, /^"1-/);
    assert.deepEqual({ ...file, id: '', ownerAccountId: '', createTime: '', etag: '' }, { id: '', name: 'random.bin', contentType: 'application/octet-stream', size: '700000', sha256: sha256(content), ownerAccountId: '', visibility: 'PRIVATE', createTime: '', etag: '' });
    const response = await deployment.fetch(`/v1/files/${file.id}/content`, { as: ada });
    assert.equal(response.status, 200);
    assert.deepEqual(Object.fromEntries(['content-type', 'content-length', 'etag', 'content-disposition', 'x-content-type-options', 'content-security-policy', 'accept-ranges'].map((header) => [header, response.headers.get(header)])), {
      'content-type': 'application/octet-stream', 'content-length': '700000', etag: `"${file.sha256}"`, 'content-disposition': 'attachment; filename=random.bin', 'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'", 'accept-ranges': 'bytes',
    });
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(content));
    await remove(ada, file.id);
    await refused(await deployment.fetch(`/v1/files/${file.id}/content`, { as: ada }), 404, 'sys-core.FILE_NOT_FOUND');
  });

  fact('a file is removed only if it is as If-Match, or its etag, says', async () => {
    const file = await keep(ada, 'kept', 'name=kept.txt');
    const { etag } = file;
    assert.equal((await deployment.fetch(`/v1/files/${file.id}`, { as: ada })).headers.get('etag'), etag);
    const removal = (ifMatch: string, query = '') => deployment.fetch(`/v1/files/${file.id}${query}`, { method: 'DELETE', as: ada, headers: ifMatch ? { 'if-match': ifMatch } : {} });
    for (const other of ['"2"', `W/${etag}`, '"2", "3"', 'x']) await refused(await removal(other), 412, 'kernel.CHANGED_MEANWHILE');
    await refused(await removal('', `?etag=${encodeURIComponent('"7"')}`), 412, 'kernel.CHANGED_MEANWHILE');
    assert.equal((await removal(`"9", ${etag}`)).status, 200);
    await refused(await removal(etag), 404, 'sys-core.FILE_NOT_FOUND');
    const { id } = await keep(ada, 'kept', 'name=kept.txt');
    assert.equal((await deployment.fetch(`/v1/files/${id}`, { method: 'DELETE', as: ada, headers: { 'if-match': '*' } })).status, 200);
  });

  fact('a file is sent and read in pieces over gRPC', async () => {
    const client = await deployment.client(FilesService, ada);
    const content = randomBytes(500_000);
    const file = await client.uploadFile((async function* () {
      yield { name: 'pieces', size: 500_000n, sha256: sha256(content) };
      for (let at = 0; at < content.length; at += 60_000) yield { content: { data: content.subarray(at, at + 60_000) } };
    })());
    assert.deepEqual([file.name, file.size, file.visibility], ['pieces', 500_000n, Visibility.PRIVATE]);
    const pieces: Uint8Array[] = [];
    for await (const { data } of client.downloadFile({ fileId: file.id })) pieces.push(data);
    assert.ok(Buffer.concat(pieces).equals(content));
    await client.deleteFile({ fileId: file.id });
  });

  fact('a part, and nothing new, are answered as HTTP says', async () => {
    const content = Buffer.from('0123456789');
    const file = await keep(ada, content, 'name=digits.txt', { 'content-type': 'text/plain' });
    const get = async (headers: Record<string, string>, method = 'GET') => {
      const response = await deployment.fetch(`/v1/files/${file.id}/content`, { as: ada, method, headers });
      return [response.status, response.headers.get('content-range'), await response.text(), response.headers.get('content-length')];
    };
    assert.deepEqual(await get({ range: 'bytes=2-4' }), [206, 'bytes 2-4/10', '234', '3']);
    assert.deepEqual(await get({ range: 'bytes=7-' }), [206, 'bytes 7-9/10', '789', '3']);
    assert.deepEqual(await get({ range: 'bytes=-2' }), [206, 'bytes 8-9/10', '89', '2']);
    assert.deepEqual(await get({ range: 'bytes=8-99' }), [206, 'bytes 8-9/10', '89', '2']);
    for (const range of ['bytes=4-2', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=x', 'bytes=-']) assert.deepEqual(await get({ range }), [200, null, '0123456789', '10']);
    assert.deepEqual((await get({ range: 'bytes=10-' })).slice(0, 2), [416, 'bytes */10']);
    assert.deepEqual(await get({ range: 'bytes=2-4', 'if-range': `"${file.sha256}"` }), [206, 'bytes 2-4/10', '234', '3']);
    assert.deepEqual(await get({ range: 'bytes=2-4', 'if-range': '"other"' }), [200, null, '0123456789', '10']);
    for (const tag of [`"${file.sha256}"`, `"x", W/"${file.sha256}"`, '*']) assert.deepEqual((await get({ 'if-none-match': tag })).slice(0, 3), [304, null, '']);
    assert.equal((await get({ 'if-none-match': '"x"' }))[0], 200);
    assert.deepEqual(await get({}, 'HEAD'), [200, null, '', '10']);
    await remove(ada, file.id);
  });

  fact('an empty file is a file', async () => {
    const file = await keep(ada, '', 'name=empty');
    assert.equal(file.size, '0');
    const response = await deployment.fetch(`/v1/files/${file.id}/content`, { as: ada });
    assert.deepEqual([response.status, response.headers.get('content-length'), await response.text()], [200, '0', '']);
    await remove(ada, file.id);
  });

  fact('the type is found from the content, and what could run is never served as such', async () => {
    const cases: [content: string | Uint8Array, declared: string, found: string, served: string, inline: boolean][] = [
      [png, 'text/html', 'image/png', 'image/png', true],
      ['<!DOCTYPE html><script>alert(1)</script>', 'image/png', 'text/html', 'application/octet-stream', false],
      ['  <html><body onload=x>', 'text/plain', 'text/html', 'application/octet-stream', false],
      ['<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="x"/>', 'image/png', 'image/svg+xml', 'application/octet-stream', false],
      ['alert(1)', 'text/javascript', 'text/javascript', 'application/octet-stream', false],
      ['a,b\n1,2\n', 'text/csv; charset=utf-8', 'text/csv', 'text/csv; charset=utf-8', false],
      ['grüße', 'application/pdf', 'text/plain', 'text/plain; charset=utf-8', true],
      ['{"a":1}', 'application/json', 'application/json', 'application/json', false],
      ['%PDF-1.7\n%âãÏÓ', '', 'application/pdf', 'application/pdf', false],
      [Buffer.from([0, 1, 2, 255]), 'text/plain', 'application/octet-stream', 'application/octet-stream', false],
    ];
    for (const [content, declared, found, served, inline] of cases) {
      const file = await keep(ada, content, 'name=x', declared ? { 'content-type': declared } : {});
      const response = await deployment.fetch(`/v1/files/${file.id}/content`, { as: ada });
      assert.equal(response.status, 200, await response.text());
      assert.deepEqual([file.contentType, response.headers.get('content-type'), response.headers.get('content-disposition')], [found, served, `${inline ? 'inline' : 'attachment'}; filename=x`]);
      await remove(ada, file.id);
    }
  });

  fact('names are kept as text and lead nowhere', async () => {
    const composed = await keep(ada, 'x', `name=${encodeURIComponent('Gru\u0308\u00dfe \u{1f600}.txt')}`);
    assert.equal(composed.name, 'Grüße \u{1f600}.txt');
    const shown = await deployment.fetch(`/v1/files/${composed.id}/content`, { as: ada });
    assert.equal(shown.headers.get('content-disposition'), `inline; filename="Gr__e __.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%F0%9F%98%80.txt`);
    await shown.text();
    const named = await keep(ada, 'x', '', { 'content-disposition': `attachment; filename="a.txt"; filename*=UTF-8''%C3%A4.txt` });
    assert.equal(named.name, 'ä.txt');
    await remove(ada, composed.id, named.id);
    for (const bad of ['', '..', 'a/b', 'a\\b', 'a\nb', 'a\u202eb', 'ü'.repeat(128)]) {
      const response = await put(ada, 'x', `name=${encodeURIComponent(bad)}`);
      await refused(response, 400, 'sys-core.FILE_NAME_INVALID', /the name of the file is not valid: /);
    }
  });

  fact('a file that is not what was announced is refused', async () => {
    const content = 'hello';
    const digest = createHash('sha256').update(content).digest('base64');
    const kept = await keep(ada, content, `name=x&sha256=${sha256(Buffer.from(content))}&size=5`, { 'content-digest': `sha-512=:AAAA:, sha-256=:${digest}:` });
    await remove(ada, kept.id);
    await refused(await put(ada, 'jello', 'name=x', { 'content-digest': `sha-256=:${digest}:` }), 400, 'sys-core.DIGEST_MISMATCH');
    await refused(await put(ada, 'jello', `name=x&sha256=${sha256(Buffer.from(content))}`), 400, 'sys-core.DIGEST_MISMATCH');
    await refused(await put(ada, 'hello', 'name=x', { 'content-digest': 'sha-256=nonsense' }), 400, 'sys-core.DIGEST_INVALID');
    await refused(await put(ada, 'hello', 'name=x&size=6'), 400, 'sys-core.SIZE_MISMATCH', /6 bytes were announced and 5 came/);
    assert.equal(await used(), 0);
  });

  fact('limits are told with what is allowed and used', async () => {
    await refused(await put(ada, randomBytes(2 * 1024 * 1024 + 1), 'name=x'), 413, 'kernel.BODY_TOO_LARGE', /larger than the 2097152 bytes/);
    const client = await deployment.client(FilesService, ada);
    const endless = (async function* () { for (;;) yield { name: 'x', content: { data: randomBytes(100_000) } }; })();
    await assert.rejects(client.uploadFile(endless), (error) => reasonOf(error) === 'kernel.BODY_TOO_LARGE');
    const first = await keep(ada, randomBytes(2_000_000), 'name=x');
    await refused(await put(ada, randomBytes(1_200_000), 'name=x'), 429, 'sys-core.FILE_QUOTA_REACHED', /keeps 2000000 of the 3145728 bytes .* room for 1200000 more/);
    await remove(ada, first.id);
    assert.equal(await used(), 0);
  });

  fact('twenty uploads at the same time never exceed the quota', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, async () => (await put(ada, randomBytes(500_000), 'name=x')).json() as Promise<{ id?: string; reason?: string }>));
    const kept = results.filter(({ id }) => id);
    assert.equal(kept.length, 6);
    assert.ok(results.filter(({ id }) => !id).every(({ reason }) => reason === 'sys-core.FILE_QUOTA_REACHED'));
    assert.equal(await used(), 3_000_000);
    await remove(ada, ...kept.map(({ id }) => id!));
    assert.equal(await used(), 0);
  });

  fact('a content that two files have stays until the last is gone', async () => {
    const content = randomBytes(1000);
    const [one, two] = [await keep(ada, content, 'name=one'), await keep(ada, content, 'name=two')];
    await remove(ada, one.id);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.ok(Buffer.from(await (await deployment.fetch(`/v1/files/${two.id}/content`, { as: ada })).arrayBuffer()).equals(content));
    await remove(ada, two.id);
  });

  fact('a private file is its owner’s and the administrator’s, a shared one the org’s, and none another org’s', async () => {
    const secret = await keep(olga, 'secret', 'name=secret');
    const shared = await keep(olga, 'shared', 'name=shared&visibility=ORG');
    const mine = await keep(ada, 'mine', 'name=mine');
    const names = async (as: string) => ((await (await deployment.fetch('/v1/files', { as })).json()) as { files: FileJson[] }).files.map(({ name }) => name);
    const statusOf = async (as: string, file: FileJson, method = 'GET') => (await deployment.fetch(`/v1/files/${file.id}`, { as, method })).status;
    const [admin, member] = (await names(olga)).includes('mine') ? [olga, ada] : [ada, olga];
    const [ofAdmin, ofMember] = admin === olga ? [secret, mine] : [mine, secret];
    assert.deepEqual((await names(admin)).sort(), ['mine', 'secret', 'shared']);
    assert.deepEqual((await names(member)).sort(), [ofMember.name, 'shared'].sort());
    assert.deepEqual([await statusOf(member, ofAdmin), await statusOf(member, shared), await statusOf(admin, ofMember)], [404, 200, 200]);
    if (member === ada) assert.equal(await statusOf(member, shared, 'DELETE'), 403);
    assert.deepEqual(await names(eve), []);
    for (const file of [secret, shared, mine]) assert.deepEqual([await statusOf(eve, file), await statusOf(eve, file, 'DELETE')], [404, 404]);
    assert.equal((await deployment.fetch('/v1/files')).status, 401);
    await remove(admin, secret.id, shared.id, mine.id);
  });
}
