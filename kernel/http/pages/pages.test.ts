import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { getOption } from '@bufbuild/protobuf';
import { access } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { EchoService, LibraryService, startTestServer } from '../../testing/test-server.ts';
import type { Readiness } from '../http-server-options.ts';
import { httpBindings } from '../rest/http-binding.ts';
import { homePage } from './home-page.ts';
import type { HttpServer } from '../start-http-server.ts';

const state: Readiness = { ready: true, modules: [{ name: 'mod-a', state: 'running' }, { name: 'mod-b <b>bold</b> & "quotes"', state: 'quarantined' }] };
let server: HttpServer;
before(async () => void (server = await startTestServer({ health: { ready: () => state }, info: { title: '<script>alert(1)</script>', version: '1.2.3' } })));
after(() => server.close());

const get = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(server.address + path, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

test('the home page shows the modules and their state, with everything escaped', async () => {
  const { status, text } = await get('/');
  assert.equal(status, 200);
  assert.match(text, /mod-a <span class="state running">running/);
  assert.match(text, /mod-b &#60;b&#62;bold&#60;\/b&#62; &#38; &#34;quotes&#34;/);
  assert.match(text, /1 of 2 modules run/);
  assert.doesNotMatch(text, /<script>|<b>/);
});

test('the home page leads to the documentation of each service that is there for others', async () => {
  const inner = { ...EchoService, name: 'InnerService', typeName: 'mainstay.testing.v1.InnerService', methods: EchoService.methods.filter((method) => getOption(method, access).rule.case === 'internal') };
  const withoutRest = { ...EchoService, name: 'RpcService', typeName: 'mainstay.testing.v1.RpcService', methods: EchoService.methods.filter((method) => httpBindings(method).length === 0 && !inner.methods.includes(method)) };
  const served = [LibraryService, inner, withoutRest].map((service) => ({ service, implementation: {}, module: 'mod-a' }));
  const text = homePage('Test', '1.0.0', state, served, []);
  assert.match(text, /<a href="\/docs#\/LibraryService"><code>mainstay.testing.v1.LibraryService<\/code><\/a>/);
  assert.match(text, /<p class="small"><code>mainstay.testing.v1.RpcService<\/code><\/p>/);
  assert.ok(inner.methods.length > 0 && withoutRest.methods.length > 0);
  assert.doesNotMatch(text, /InnerService/);
});

test('no page asks another host for anything, and the policy forbids it', async () => {
  for (const path of ['/', '/docs']) {
    const { text, headers } = await get(path);
    const links = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link]) => link!);
    assert.ok(links.length > 3 && links.every((link) => link.startsWith('/')), links.join(' '));
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    for (const link of new Set(links)) assert.ok([200, 503].includes((await get(link)).status), link);
  }
});

test('Swagger UI is served from here, compressed for who accepts it', async () => {
  const zipped = await get('/docs/swagger-ui-bundle.js', { 'accept-encoding': 'gzip' });
  const plain = await get('/docs/swagger-ui-bundle.js', { 'accept-encoding': 'identity' });
  assert.equal(zipped.headers.get('content-encoding'), 'gzip');
  assert.equal(plain.headers.get('content-encoding'), null);
  assert.equal(zipped.text, plain.text);
  assert.equal((await get('/docs/package.json')).status, 404);
  assert.equal((await get('/docs/..%2fpackage.json')).status, 404);
});

test('readiness follows the process and tells of each module; liveness does not', async () => {
  const ready = await get('/readyz');
  assert.deepEqual([ready.status, JSON.parse(ready.text)], [200, state]);
  state.ready = false;
  assert.equal((await get('/readyz')).status, 503);
  assert.equal((await get('/healthz')).status, 200);
  assert.match((await get('/')).text, /Not ready yet/);
  state.ready = true;
});

test('the files that a module has for browsers are served below its name, and nothing beside them', async () => {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-client-'));
  mkdirSync(join(home, 'client/deep'), { recursive: true });
  const files = { 'client/list.html': '<h1>List</h1>', 'client/deep/list.js': 'start()', 'client/.hidden.js': 'no', 'client/notes.txt': 'no', 'secret.js': 'no' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text);
  const client = { module: 'mod-a', folder: pathToFileURL(join(home, 'client/')), pages: { '/': { title: 'The <list>', view: 'list.html' } } };
  const shown = await startTestServer({ clients: [client], health: { ready: () => state } });
  const fetched = async (path: string) => {
    const response = await fetch(shown.address + path);
    return [response.status, response.headers.get('content-type'), await response.text()] as const;
  };
  try {
    for (const path of ['/apps/mod-a/', '/apps/mod-a/list.html']) assert.deepEqual(await fetched(path), [200, 'text/html; charset=utf-8', '<h1>List</h1>'], path);
    assert.deepEqual(await fetched('/apps/mod-a/deep/list.js'), [200, 'text/javascript; charset=utf-8', 'start()']);
    for (const path of ['.hidden.js', 'notes.txt', '..%2fsecret.js', '%2e%2e/secret.js', 'deep/..%2f..%2fsecret.js', 'deep/']) assert.equal((await fetched(`/apps/mod-a/${path}`))[0], 404, path);
    assert.match((await fetched('/'))[2], /<a href="\/apps\/mod-a\/">The &#60;list&#62;<\/a>/);
    assert.match((await fetch(`${shown.address}/apps/mod-a/`)).headers.get('content-security-policy')!, /script-src 'self'/);
  } finally {
    await shown.close();
  }
  const lacking = { ...client, pages: { '/': { title: 'List', view: 'lost.html' } } };
  await assert.rejects(startTestServer({ clients: [lacking] }), /mod-a has no file client\/lost\.html for its page \//);
  rmSync(home, { recursive: true });
});
