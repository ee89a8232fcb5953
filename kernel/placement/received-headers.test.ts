import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReceivedHeaders } from './received-headers.ts';

const given = { authorization: 'Bearer a', 'mainstay-org': 'o', host: 'left out', cookie: ['a=1', 'b=2'], 'x-none': undefined };
const leftOut = (name: string) => name === 'host';
const standard = () => new Headers({ authorization: 'Bearer a', 'mainstay-org': 'o', cookie: 'a=1, b=2' });

type Step = (headers: Headers) => unknown;
const name = fc.constantFrom('authorization', 'Authorization', 'mainstay-org', 'host', 'cookie', 'x-none', 'constructor', '__proto__x', 'x-new');
const step: fc.Arbitrary<Step> = fc.oneof(
  name.map((key): Step => (headers) => headers.get(key)),
  name.map((key): Step => (headers) => headers.has(key)),
  name.map((key): Step => (headers) => headers.set(key, 'set')),
  name.map((key): Step => (headers) => headers.append(key, 'more')),
  name.map((key): Step => (headers) => headers.delete(key)),
  fc.constantFrom<Step>((headers) => [...headers], (headers) => [...headers.keys()], (headers) => [...headers.values()], (headers) => [...headers.entries()], (headers) => [...new Headers(headers)], (headers) => headers.getSetCookie(), (headers) => {
    const seen: string[] = [];
    headers.forEach((value, key) => seen.push(key, value));
    return seen;
  }),
);

test('headers that came over HTTP behave as the standard’s, whatever is done with them', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
    const [mine, theirs] = [new ReceivedHeaders(given, leftOut), standard()];
    for (const work of steps) assert.deepEqual(work(mine), work(theirs));
    assert.deepEqual([...mine], [...theirs]);
  }));
});
