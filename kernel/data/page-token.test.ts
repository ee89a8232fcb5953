import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { reasonOf } from '../errors/define-errors.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';

const secret = 'e'.repeat(64);
const position = { list: 'mod.promist.v1.PromistService.ListPromises', query: { state: 'PENDING', tags: ['a'] } };
const refused = (work: () => unknown) => assert.throws(work, (error) => reasonOf(error) === 'kernel.BAD_PAGE_TOKEN');

test('a token brings its cursor back', () => {
  fc.assert(fc.property(fc.array(fc.string()), (cursor) => {
    assert.deepEqual(decodePageToken(secret, encodePageToken(secret, { ...position, cursor }), position), cursor);
  }));
});

test('the order of keys in a query does not matter', () => {
  const token = encodePageToken(secret, { ...position, cursor: ['1'] });
  assert.deepEqual(decodePageToken(secret, token, { list: position.list, query: { tags: ['a'], state: 'PENDING' } }), ['1']);
});

test('a token is refused by another list, another query and another deployment', () => {
  const token = encodePageToken(secret, { ...position, cursor: ['1'] });
  refused(() => decodePageToken(secret, token, { ...position, list: 'another' }));
  refused(() => decodePageToken(secret, token, { ...position, query: { state: 'FULFILLED', tags: ['a'] } }));
  refused(() => decodePageToken('f'.repeat(64), token, position));
});

test('whatever is not a token is refused, and so is every change of one', () => {
  const token = encodePageToken(secret, { ...position, cursor: ['2026-01-01', '7'] });
  fc.assert(fc.property(fc.string(), (text) => refused(() => decodePageToken(secret, text, position))));
  fc.assert(fc.property(fc.nat(token.length - 1), fc.constantFrom('A', 'z', '0', '_'), (at, letter) => {
    fc.pre(token[at] !== letter);
    refused(() => decodePageToken(secret, token.slice(0, at) + letter + token.slice(at + 1), position));
  }));
});
