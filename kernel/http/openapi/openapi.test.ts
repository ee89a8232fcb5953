import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { EchoService } from '../../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { LibraryService } from '../../testing/contract/gen/mainstay/testing/v1/library_pb.js';
import { startTestServer } from '../../testing/test-server.ts';
import { httpBindings } from '../rest/http-binding.ts';
import type { HttpServer } from '../start-http-server.ts';

let server: HttpServer;
let document: any;
before(async () => {
  server = await startTestServer();
  document = await (await fetch(`${server.address}/openapi.json`)).json();
});
after(() => server.close());

const operations = () => Object.values(document.paths).flatMap((path) => Object.values(path as object)) as any[];

test('an independent validator accepts the document as OpenAPI 3.1', async () => {
  const validator = new Validator();
  assert.deepEqual(await validator.validate(structuredClone(document)), { valid: true });
  assert.equal(validator.version, '3.1');
});

test('every REST binding of every method is in the document, once', () => {
  const methods = [LibraryService, EchoService].flatMap(({ methods }) => [...methods]);
  const expected = methods.flatMap((method) => httpBindings(method).map((_, index) => `${method.parent.name}_${method.name}${index > 0 ? `_${index + 1}` : ''}`));
  assert.deepEqual(operations().map(({ operationId }) => operationId).sort(), expected.sort());
});

test('every reference leads somewhere, and every path parameter is declared', () => {
  for (const [, ref] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    let node: any = document;
    for (const key of ref!.split('/')) node = node?.[key];
    assert.ok(node, `${ref} leads nowhere`);
  }
  for (const [path, item] of Object.entries(document.paths)) {
    const names = [...path.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name);
    for (const operation of Object.values(item as object)) assert.deepEqual(operation.parameters.filter((parameter: any) => parameter.in === 'path').map((parameter: any) => parameter.name), names, path);
  }
});

test('no two paths differ only in the names of their parameters', () => {
  const shapes = Object.keys(document.paths).map((path) => path.replace(/\{[^}]*\}/g, '{}'));
  assert.equal(new Set(shapes).size, shapes.length);
  assert.deepEqual(Object.keys(document.paths['/v1/shelves/{shelves_id}/books/{books_id}']), ['get', 'patch', 'delete']);
});

test('an operation says who may call it and whether it writes', () => {
  const { post, get } = document.paths['/v1/shelves/{shelves_id}/books'];
  assert.deepEqual([post['x-mainstay-access'], post['x-mainstay-kind'], post.security], [{ permission: 'testing.books.create' }, 'command', [{ bearer: [] }]]);
  assert.deepEqual([get['x-mainstay-access'], get['x-mainstay-kind'], get.security], [{ public: true }, 'query', []]);
  assert.ok(post.parameters.some((parameter: any) => parameter.$ref === '#/components/parameters/IdempotencyKey'));
  assert.ok(post.responses.default && post.responses[401] && !get.responses[401]);
});

test('the rules and comments of the contract are in the schemas', () => {
  const { Book, Author, Genre } = Object.fromEntries(['Book', 'Author', 'Genre'].map((name) => [name, document.components.schemas[`mainstay.testing.v1.${name}`]]));
  assert.equal(Book.description, 'A book on a shelf.');
  assert.deepEqual(Book.required, ['title']);
  assert.deepEqual(Book.properties.title, { type: 'string', maxLength: 100, description: 'Its title.' });
  assert.deepEqual(Book.properties.pages, { type: 'integer', format: 'int32', minimum: 0, maximum: 10000, description: 'How many pages it has.' });
  assert.deepEqual([Book.properties.authors.maxItems, Book.properties.publishTime.format], [10, 'date-time']);
  assert.deepEqual([Author.properties.email.format, Author.properties.name.minLength], ['email', 1]);
  assert.deepEqual(Genre.enum, ['GENRE_UNSPECIFIED', 'GENRE_HISTORY', 'GENRE_NOVEL']);
  assert.match(Genre.description, /`GENRE_NOVEL`: Invented\./);
  assert.equal(document.paths['/v1/genres'].get.summary, 'Lists the genres, without anything around them');
});

test('a summary is plain text, a description keeps its marks of code', () => {
  const { summary, description } = document.paths['/v1/scans/{path}'].get;
  assert.deepEqual([summary, description], ['Finds a scan by its path, however deep', 'Finds a scan by its `path`, however deep.']);
  for (const operation of operations()) assert.doesNotMatch(operation.summary ?? '', /`/);
});

test('the query lists the fields of inner messages, the body only what neither path nor query holds', () => {
  const { get, post } = document.paths['/v1/shelves/{shelves_id}/books'];
  assert.deepEqual(get.parameters.filter((parameter: any) => parameter.in === 'query').map((parameter: any) => parameter.name), ['pageSize', 'pageToken', 'filter.genres', 'filter.lendable', 'filter.after', 'filter.author.name', 'filter.author.email', 'filter.pictures']);
  assert.deepEqual(post.requestBody.content['application/json'].schema, { $ref: '#/components/schemas/mainstay.testing.v1.Book' });
  const move = document.paths['/v1/shelves/{shelves_id}/books/{books_id}:move'].post;
  assert.deepEqual(Object.keys(move.requestBody.content['application/json'].schema.properties), ['parent']);
});

test('a sensitive field is shown as a password', () => {
  const { post } = document.paths['/v1/books'];
  const [, name] = /([^/]*)$/.exec(post.requestBody.content['application/json'].schema.$ref)!;
  assert.deepEqual(document.components.schemas[name!].properties.lenderCode, { type: 'string', maxLength: 20, format: 'password', description: 'Proves who lends it.' });
});

test('a stream is described in both of its forms', () => {
  assert.deepEqual(Object.keys(document.paths['/v1/echo:count'].get.responses[200].content), ['application/x-ndjson', 'text/event-stream']);
});
