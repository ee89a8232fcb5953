import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import fc from 'fast-check';
import type { Json } from './attribute.ts';
import { patched } from './patch-resource.ts';
import { readPatch } from './read-patch.ts';
import { userSchema } from './schemas.ts';

const work = { value: 'work@x.test', type: 'work', primary: true };
const home = { value: 'home@x.test', type: 'home' };
const before: Json = { userName: 'ada@x.test', displayName: 'Ada', active: true, name: { givenName: 'Ada', familyName: 'Byron' }, emails: [work, home] };

const operations = (Operations: unknown) => readPatch(Buffer.from(JSON.stringify({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations })));
const after = (...given: unknown[]) => patched(before, operations(given), userSchema);

/** What changes in the resource. */
const changes: [what: string, operation: object, expected: Json][] = [
  ['a value is replaced', { op: 'replace', path: 'displayName', value: 'A' }, { displayName: 'A' }],
  ['names of operations and attributes have letters as they like', { op: 'Replace', path: 'DisplayName', value: 'A' }, { displayName: 'A' }],
  ['a path may begin with the schema', { op: 'replace', path: 'urn:ietf:params:scim:schemas:core:2.0:User:displayName', value: 'A' }, { displayName: 'A' }],
  ['a word is a boolean', { op: 'Replace', path: 'active', value: 'False' }, { active: false }],
  ['without a path the value names attributes', { op: 'replace', value: { active: false, displayName: 'A', id: 'x', schemas: [] } }, { active: false, displayName: 'A' }],
  ['and parts of them', { op: 'Add', value: { 'name.givenName': 'Augusta', 'emails[type eq "work"].value': 'new@x.test' } }, { name: { givenName: 'Augusta', familyName: 'Byron' }, emails: [{ ...work, value: 'new@x.test' }, home] }],
  ['parts that are not named stay', { op: 'replace', path: 'name', value: { givenName: 'Augusta' } }, { name: { givenName: 'Augusta', familyName: 'Byron' } }],
  ['a part is removed', { op: 'remove', path: 'name.givenName' }, { name: { familyName: 'Byron' } }],
  ['nothing takes a value away', { op: 'replace', path: 'displayName', value: null }, { displayName: undefined }],
  ['what is added to several is beside them', { op: 'add', path: 'emails', value: [{ value: 'c@x.test', type: 'other' }] }, { emails: [work, home, { value: 'c@x.test', type: 'other' }] }],
  ['the same is added once', { op: 'add', path: 'emails', value: home }, { emails: [work, home] }],
  ['one is preferred at a time', { op: 'add', path: 'emails', value: { value: 'c@x.test', primary: true } }, { emails: [{ ...work, primary: false }, home, { value: 'c@x.test', primary: true }] }],
  ['several are replaced', { op: 'replace', path: 'emails', value: [home] }, { emails: [home] }],
  ['several are removed', { op: 'remove', path: 'emails' }, { emails: undefined }],
  ['those that fit a filter are removed', { op: 'remove', path: 'emails[type eq "home"]' }, { emails: [work] }],
  ['those that are named are removed', { op: 'Remove', path: 'emails', value: [{ value: 'home@x.test' }] }, { emails: [work] }],
  ['none that fits is nothing to remove', { op: 'remove', path: 'emails[type eq "other"]' }, {}],
  ['a part of those that fit is replaced', { op: 'replace', path: 'emails[type eq "work"].value', value: 'new@x.test' }, { emails: [{ ...work, value: 'new@x.test' }, home] }],
  ['a whole value that fits is changed', { op: 'replace', path: 'emails[type eq "home"]', value: { display: 'Home' } }, { emails: [work, { ...home, display: 'Home' }] }],
  ['what does not fit yet is made', { op: 'Add', path: 'emails[type eq "other"].value', value: 'o@x.test' }, { emails: [work, home, { type: 'other', value: 'o@x.test' }] }],
  ['a part of all is replaced', { op: 'replace', path: 'emails.type', value: 'other' }, { emails: [{ ...work, type: 'other' }, { ...home, type: 'other' }] }],
  ['attributes that are not kept are left alone', { op: 'add', path: 'title', value: 'Countess' }, {}],
  ['and those of extensions', { op: 'replace', path: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department', value: 'Engines' }, {}],
  ['also among others', { op: 'replace', value: { 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'x' }, nickName: 'x', displayName: 'A' } }, { displayName: 'A' }],
];

for (const [what, operation, expected] of changes) test(what, () => assert.deepEqual(after(operation), Object.fromEntries(Object.entries({ ...before, ...expected }).filter(([, value]) => value !== undefined))));

/** What is refused, and as which kind of RFC 7644 §3.12. */
const refusals: [operation: unknown, scimType: string][] = [
  [{ op: 'move', path: 'displayName', value: 'x' }, 'invalidSyntax'],
  ['x', 'invalidSyntax'],
  [{ op: 'remove' }, 'noTarget'],
  [{ op: 'replace', path: 'displayName' }, 'invalidValue'],
  [{ op: 'replace', value: 'x' }, 'invalidValue'],
  [{ op: 'replace', path: 5, value: 'x' }, 'invalidPath'],
  [{ op: 'replace', path: 'nobody', value: 'x' }, 'invalidPath'],
  [{ op: 'replace', path: '__proto__.polluted', value: 'x' }, 'invalidPath'],
  [{ op: 'replace', value: { constructor: { prototype: { polluted: 1 } } } }, 'invalidPath'],
  [{ op: 'replace', path: 'emails[type eq', value: 'x' }, 'invalidPath'],
  [{ op: 'replace', path: 'name[givenName pr]', value: 'x' }, 'invalidPath'],
  [{ op: 'replace', path: 'emails[type eq "other"].value', value: 'x' }, 'noTarget'],
  [{ op: 'add', path: 'emails[type co "other"].value', value: 'x' }, 'noTarget'],
  [{ op: 'replace', path: 'active', value: 'maybe' }, 'invalidValue'],
  [{ op: 'replace', path: 'displayName', value: { a: 1 } }, 'invalidValue'],
  [{ op: 'replace', path: 'displayName', value: 'x'.repeat(501) }, 'invalidValue'],
  [{ op: 'replace', path: 'displayName', value: 'a\0b' }, 'invalidValue'],
  [{ op: 'replace', path: 'emails', value: [{ value: 'a', primary: true }, { value: 'b', primary: true }] }, 'invalidValue'],
  [{ op: 'replace', path: 'id', value: 'x' }, 'mutability'],
  [{ op: 'add', path: 'groups', value: [{ value: 'x' }] }, 'mutability'],
  [{ op: 'replace', path: 'meta.created', value: 'x' }, 'mutability'],
  [{ op: 'remove', path: 'userName' }, 'mutability'],
];

for (const [operation, scimType] of refusals) {
  test(`${JSON.stringify(operation).slice(0, 80)} is refused: ${scimType}`, () => {
    assert.throws(() => after(operation), (error) => ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.metadata.scimType === scimType);
    assert.equal(({} as Json).polluted, undefined);
  });
}

test('what is done is done in order, and the resource that is given stays as it is', () => {
  const copy = structuredClone(before);
  assert.deepEqual(after({ op: 'remove', path: 'emails[type eq "home"]' }, { op: 'replace', path: 'emails.type', value: 'other' }).emails, [{ ...work, type: 'other' }]);
  assert.deepEqual(before, copy);
});

test('no operation makes it fail otherwise than with an error of SCIM', () => {
  const path = fc.oneof(fc.constantFrom('displayName', 'name', 'name.givenName', 'emails', 'emails[type eq "work"]', 'emails[type eq "x"].value', 'emails.type', 'active', 'userName', '__proto__', 'title'), fc.string());
  const operation = fc.record({ op: fc.constantFrom('add', 'Replace', 'remove'), path, value: fc.jsonValue() }, { requiredKeys: ['op'] });
  fc.assert(fc.property(fc.array(operation, { minLength: 1, maxLength: 5 }), (given) => {
    try {
      const result = after(...given);
      assert.ok(typeof result.userName === 'string' && (result.emails === undefined || Array.isArray(result.emails)));
    } catch (error) {
      assert.ok(ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.metadata.scimType, String(error));
    }
  }), { numRuns: 2000 });
});
