import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology } from '@mainstay/testing';
import fc, { type Arbitrary } from 'fast-check';
import { ScimClient } from '../../testing/scim-client.ts';
import { TestOrg } from '../../testing/test-org.ts';
import type { Json } from './attribute.ts';
import { compileFilter } from './compile-filter.ts';
import { personColumns } from './find-people.ts';
import { fits } from './match-filter.ts';
import { parseFilter } from './parse-filter.ts';
import { userSchema } from './schemas.ts';
import { scimErrors } from './scim-errors.ts';

const read = (text: string) => parseFilter(text, userSchema, scimErrors.invalidFilter);

const bjensen: Json = {
  id: '2819c223-7f76-453a-919d-413861904646', userName: 'bjensen@example.org', externalId: 'bJ', active: true, name: { familyName: "O'Malley", givenName: 'Barbara' }, displayName: 'Babs',
  emails: [{ value: 'bjensen@example.com', type: 'work', primary: true }, { value: 'babs@example.org', type: 'home' }],
  meta: { created: '2011-05-13T04:42:34.000Z', lastModified: '2011-05-13T04:42:34.000Z' },
};

/** Those of RFC 7644 §3.4.2.2, with attributes that are kept here, and whether it is Ms. Jensen. */
const examples: [filter: string, isHer: boolean][] = [
  ['userName Eq "bjensen@EXAMPLE.org"', true],
  ['externalId eq "bj"', false],
  [`name.familyName co "O'Malley"`, true],
  ['userName sw "J"', false],
  ['urn:ietf:params:scim:schemas:core:2.0:User:userName sw "b"', true],
  ['displayName pr', true],
  ['meta.lastModified gt "2011-05-13T04:42:34Z"', false],
  ['meta.lastModified ge "2011-05-13T06:42:34+02:00"', true],
  ['meta.lastModified lt "2011-05-13T04:42:34.001Z"', true],
  ['displayName pr and timezone eq "UTC"', false],
  ['displayName pr or timezone eq "UTC"', true],
  ['displayName eq "x" or displayName pr and timezone pr', false],
  ['(displayName eq "Babs" or displayName pr) and active eq true', true],
  ['displayName ne "Babs" and not (emails co "example.com" or emails.value co "example.org")', false],
  ['emails[type eq "work" and value co "@example.com"]', true],
  ['emails[type eq "work" and value co "@example.org"]', false],
  ['emails.type eq "work" and emails.value co "@example.org"', true],
  ['emails[type eq "work"] or userName eq "x"', true],
  ['not(emails[primary eq true])', false],
  ['timezone eq null and not (displayName eq null)', true],
  [String.raw`name.familyName eq "O\u0027Malley"`, true],
];

for (const [filter, isHer] of examples) test(`${filter} finds ${isHer ? 'her' : 'somebody else'}`, () => assert.equal(fits(read(filter), bjensen), isHer));

const refusals = ['', '   ', 'userName', 'userName eq', 'userName eq bjensen', 'userName eq "x', 'userName xx "x"', 'eq "x"', 'nobody eq "x"', 'userName.x eq "x"', 'name eq "x"', 'emails[type eq "work"', 'emails[type eq "work"]]', 'userName[type pr]', 'emails[emails.type pr]', 'emails[name pr]', '(userName pr', 'userName pr)', 'userName pr and', 'and userName pr', 'not userName pr', 'title eq "x"', 'urn:x:y:userName pr', String.raw`userName eq "\x"`, String.raw`userName eq "\u0000"`, String.raw`userName eq "\ud800"`, 'userName eq 1x', `${'('.repeat(30)}userName pr${')'.repeat(30)}`, Array(300).fill('userName pr').join(' and '), `userName eq "${'x'.repeat(10_000)}"`];
const unsuited = ['active gt true', 'active eq "true"', 'userName eq 5', 'userName co true', 'userName gt null', 'meta.created co "2011"', 'meta.created gt "yesterday"', 'meta.location pr', 'meta.version eq "x"', 'meta pr'];

for (const filter of [...refusals, ...unsuited]) {
  test(`${filter.slice(0, 40)} is refused with what is wrong`, () => {
    assert.throws(() => compileFilter(read(filter), personColumns('00000000-0000-0000-0000-000000000000')), (error: Error) => reasonOf(error) === 'sys-accounts.SCIM_FILTER_UNFIT' && /^\[invalid_argument\] the filter is not valid: ./.test(error.message));
  });
}

test('no text makes it fail otherwise than with a clear error', () => {
  const pieces = fc.constantFrom('(', ')', '[', ']', '"', '\\', '.', ' ', ' and ', ' or ', 'not ', 'userName', 'emails', 'type', ' eq ', ' pr ', '"x"', 'true', 'null', '1', 'urn:', ':', '\0', '\ud800');
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(''))), (text) => {
    try {
      read(text);
    } catch (error) {
      assert.equal(reasonOf(error), 'sys-accounts.SCIM_FILTER_UNFIT', String(error));
    }
  }), { numRuns: 3000 });
});

const words = ['', 'a', 'B', 'ab', 'Ada', 'ADA', 'work', 'home', "O'Malley", '%', '_', '\\', '"', 'ä', 'Z', 'Group one'];
const texts = ['userName', 'displayName', 'name.familyName', 'name.givenName', 'externalId', 'locale', 'emails', 'emails.value', 'emails.type', 'groups.display', 'id', 'meta.resourceType'];
const quoted = (values: readonly string[]) => fc.constantFrom(...values).map((value) => JSON.stringify(value));

/** A filter about people whose values are among these. */
function anyFilter(values: readonly string[], times: readonly string[]): Arbitrary<string> {
  const comparator = fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le', 'EQ', 'Co');
  const ofText = fc.tuple(fc.constantFrom(...texts), comparator, quoted([...words, ...values])).map((parts) => parts.join(' '));
  const ofTime = fc.tuple(fc.constantFrom('meta.created', 'meta.lastModified'), fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le'), quoted([...times, '2020-01-01T00:00:00Z'])).map((parts) => parts.join(' '));
  const ofBoolean = fc.tuple(fc.constantFrom('active', 'emails.primary'), fc.constantFrom('eq', 'ne'), fc.constantFrom('true', 'false')).map((parts) => parts.join(' '));
  const present = fc.constantFrom(...texts, 'name', 'emails', 'groups', 'timezone').map((path) => `${path} pr`);
  const absent = fc.tuple(fc.constantFrom(...texts, 'timezone'), fc.constantFrom('eq', 'ne')).map(([path, word]) => `${path} ${word} null`);
  const within = fc.tuple(fc.constantFrom('type', 'value', 'display'), fc.constantFrom('eq', 'ne', 'co', 'sw', 'gt'), quoted([...words, ...values]), fc.constantFrom('', ' and primary eq true', ' or not (type pr)')).map(([part, word, value, more]) => `emails[${part} ${word} ${value}${more}]`);
  const leaf = fc.oneof({ weight: 4, arbitrary: ofText }, ofTime, ofBoolean, present, absent, within);
  return fc.letrec<{ filter: string }>((tie) => ({
    filter: fc.oneof({ maxDepth: 3, depthSize: 'small' }, leaf, tie('filter').map((part) => `not (${part})`), fc.tuple(tie('filter'), fc.constantFrom(' and ', ' or ', ' AND '), tie('filter')).map((parts) => parts.join('')), tie('filter').map((part) => `(${part})`)),
  })).filter;
}

everyTopology('a filter finds in the database whom it fits', async (deployment) => {
  const org = await TestOrg.in(deployment);
  await org.own();
  const scim = await ScimClient.of(org);
  const made: string[] = [];
  for (const [at, word] of ['Ada', 'ada b', 'B', "O'Malley", '50%', 'a_b', 'back\\slash', 'say "x"', 'ä', 'zz'].entries()) {
    const { id } = await scim.newUser(`user-${at}`, { displayName: word, ...(at % 2 && { externalId: word }), ...(at % 3 && { name: { familyName: word.toUpperCase(), ...(at % 2 && { givenName: 'Ada' }) } }), ...(at % 4 === 0 && { emails: [{ value: `${at}@x.test` }, { value: 'b@x.test', type: at % 8 ? 'home' : 'WORK', primary: true, display: word }] }), ...(at % 5 === 0 && { active: false }) });
    made.push(id);
  }
  await org.member();
  await scim.createGroup({ displayName: 'Group one', members: made.slice(0, 4).map((value) => ({ value })) });
  const everybody = (await scim.get('/Users')).body.Resources as Json[];
  assert.equal(everybody.length, 12);
  const values = everybody.flatMap((user) => [user.userName as string, user.id as string, (user.emails as { value: string }[])[0]!.value]);
  const times = everybody.map((user) => (user.meta as { created: string }).created);
  await fc.assert(fc.asyncProperty(anyFilter(values, times), async (filter) => {
    const expected = everybody.filter((user) => fits(read(filter), user)).map(({ id }) => id);
    const { status, body } = await scim.get('/Users', { filter, attributes: 'userName' });
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual([body.totalResults, body.Resources.map(({ id }: { id: string }) => id)], [expected.length, expected], filter);
  }), { numRuns: 150 });
});
