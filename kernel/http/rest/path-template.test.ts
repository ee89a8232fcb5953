import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePathTemplate, variableValue } from './path-template.ts';
import { RouteTable } from './route-table.ts';

/** What each variable holds when `path` is looked up in a table with only this template. */
function valuesIn(template: string, path: string): Record<string, string> | undefined {
  const parsed = parsePathTemplate(template);
  const table = new RouteTable<true>();
  table.add('GET', parsed, true);
  const match = table.find(path);
  return match && Object.fromEntries(parsed.variables.map((variable) => [variable.field, variableValue(variable, match.segments)]));
}

for (const [template, path, values] of [
  ['/v1/books', '/v1/books', {}],
  ['/v1/books', '/v1/books/', undefined],
  ['/v1/books', '/v1', undefined],
  ['/v1/books/{id}', '/v1/books/a%2Fb%20c', { id: 'a/b c' }],
  ['/v1/books/{id}', '/v1/books/', undefined],
  ['/v1/{name=shelves/*/books/*}', '/v1/shelves/1/books/2', { name: 'shelves/1/books/2' }],
  ['/v1/{name=shelves/*}/books/{id}', '/v1/shelves/1/books/2', { name: 'shelves/1', id: '2' }],
  ['/v1/{book.name=shelves/*}', '/v1/shelves/x%2fy', { 'book.name': 'shelves/x%2fy' }],
  ['/v1/files/{path=**}', '/v1/files/a/b/c', { path: 'a/b/c' }],
  ['/v1/files/{path=**}', '/v1/files', { path: '' }],
  ['/v1/files/{path=a/**}', '/v1/files/a/b/c', { path: 'a/b/c' }],
  ['/v1/files/{path=a/**}', '/v1/files/b/c', undefined],
  ['/v1/*/x', '/v1/anything/x', {}],
  ['/v1/books/{id}:archive', '/v1/books/7:archive', { id: '7' }],
  ['/v1/books/{id}:archive', '/v1/books/a:b:archive', { id: 'a:b' }],
  ['/v1/books/{id}:archive', '/v1/books/7', undefined],
  ['/v1/books/{id}:archive', '/v1/books/7%3Aarchive', undefined],
  ['/v1/books/{id}', '/v1/books/7:other', { id: '7:other' }],
  ['/v1/books:count', '/v1/books:count', {}],
  ['/v1/{path=**}:x', '/v1/a/b:x', { path: 'a/b' }],
  ['/v1/books', '/v1/%62ooks', {}],
] as const) {
  test(`${path} in ${template} gives ${JSON.stringify(values) ?? 'nothing'}`, () => assert.deepEqual(valuesIn(template, path), values));
}

for (const [template, problem] of [
  ['v1/books', 'must start with /'],
  ['/v1/**/books', '** must be the last segment'],
  ['/v1/{id', 'a { is not closed, or is not a whole segment'],
  ['/v1/{a b}', '"a b" is not a field path'],
  ['/v1/{id}/{id}', '"id" appears twice'],
  ['/v1//books', '"" is not a segment'],
  ['/v1/books:', '"" is not a verb'],
  ['/v1/x{id}', '"x{id}" is not a segment'],
] as const) {
  test(`the template ${template} is refused`, () => assert.throws(() => parsePathTemplate(template), { message: `path template "${template}": ${problem}` }));
}

test('a literal goes before a wildcard, and one segment before many', () => {
  const table = new RouteTable<string>();
  for (const template of ['/v1/{rest=**}', '/v1/{id}', '/v1/books', '/v1/{id}/pages', '/v1/books:count']) table.add('GET', parsePathTemplate(template), template);
  const found = (path: string) => table.find(path)?.methods.get('GET');
  assert.equal(found('/v1/books'), '/v1/books');
  assert.equal(found('/v1/other'), '/v1/{id}');
  assert.equal(found('/v1/books/pages'), '/v1/{id}/pages', 'the table steps back from the literal');
  assert.equal(found('/v1/a/b/c'), '/v1/{rest=**}');
  assert.equal(found('/v1/books:count'), '/v1/books:count');
});

test('one method and path cannot lead to two places', () => {
  const table = new RouteTable<number>();
  table.add('GET', parsePathTemplate('/v1/{a}'), 1);
  table.add('POST', parsePathTemplate('/v1/{a}'), 2);
  assert.throws(() => table.add('GET', parsePathTemplate('/v1/{b}'), 3), /declared twice/);
});

const anyText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const literal = fc.stringMatching(/^[a-z][a-z0-9_.~-]{0,8}$/);
const verb = fc.option(fc.stringMatching(/^[a-z]{1,8}$/), { nil: '' });

test('what a client puts into the variables of a path, the template takes out again', () => {
  const part = fc.oneof(fc.record({ kind: fc.constant('literal' as const), text: literal }), fc.record({ kind: fc.constant('variable' as const), text: anyText }));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), verb, (parts, verb) => {
      const suffix = verb && `:${verb}`;
      const template = `/${parts.map(({ kind, text }, index) => (kind === 'literal' ? text : `{f${index}}`)).join('/')}${suffix}`;
      const path = `/${parts.map(({ text }) => encodeURIComponent(text)).join('/')}${suffix}`;
      const expected = Object.fromEntries(parts.flatMap(({ kind, text }, index) => (kind === 'variable' ? [[`f${index}`, text]] : [])));
      assert.deepEqual(valuesIn(template, path), expected);
    }),
  );
});

test('a variable of several segments keeps its slashes, and an encoded slash stays encoded', () => {
  fc.assert(
    fc.property(fc.array(anyText, { minLength: 1, maxLength: 5 }), (segments) => {
      const values = valuesIn('/v1/{path=**}', `/v1/${segments.map(encodeURIComponent).join('/')}`);
      assert.equal(values?.path, segments.map((segment) => segment.replaceAll('/', '%2F')).join('/'));
    }),
  );
});

test('any path is found or not, or is a broken encoding; nothing else happens', () => {
  const table = new RouteTable<string>();
  for (const template of ['/v1/{name=shelves/*/books/*}:move', '/v1/{id}', '/v1/files/{path=**}', '/a:b']) table.add('GET', parsePathTemplate(template), template);
  const pieces = fc.array(fc.constantFrom('/', ':', '%', '%2F', '%ff', 'v1', 'shelves', 'books', '1', '**', '__proto__', 'constructor', 'é'), { maxLength: 12 });
  fc.assert(
    fc.property(pieces, (pieces) => {
      try {
        table.find(`/${pieces.join('')}`);
      } catch (error) {
        assert.ok(error instanceof URIError);
      }
    }),
  );
});
