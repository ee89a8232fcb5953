import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { currentTime, reasonOf, type Introduction } from '@mainstay/kernel';
import { setCurrentTime } from '@mainstay/kernel/testing';
import fc from 'fast-check';
import { Introductions } from './introductions.ts';

const runs: Record<string, string[]> = { platform: ['kernel', 'sys-core', 'sys-accounts'], products: ['kernel', 'mod-promist', 'sys-core'] };
const speaksFor = (process: string, module: string) => runs[process]?.includes(module) === true;
const secret = 'a'.repeat(64);
const here = new Introductions(secret, speaksFor);

const person: Introduction = {
  process: 'products',
  module: 'mod-promist',
  principal: { kind: 'account', accountId: '01a200ab-0026-77d5-89e6-adadc6b17bdc', orgId: '01a200ab-0026-77d5-89e6-adadc6b17bdd', sessionId: '01a200ab-0026-77d5-89e6-adadc6b17bde', roles: [{ role: 'USER', orgId: '01a200ab-0026-77d5-89e6-adadc6b17bdd' }] },
};

const refused = (said: string, to = 'platform', by = here) => assert.throws(() => by.recognise(said, to), (error) => reasonOf(error) === 'sys-core.CALLER_UNKNOWN', said.slice(0, 40));

test('a process is recognised with the module and the person that it calls for', () => {
  assert.deepEqual(here.recognise(here.introduce(person, 'platform'), 'platform'), person);
  const { module: _, ...outside } = person;
  assert.deepEqual(here.recognise(here.introduce(outside, 'platform'), 'platform'), outside);
});

const busy: Introduction = { ...person, principal: { ...person.principal, roles: Array.from({ length: 1000 }, () => ({ role: 'ADMIN', orgId: '01a200ab-0026-77d5-89e6-adadc6b17bdd', projectId: randomUUID() })) } as Introduction['principal'] };

test('a person with a thousand roles is recognised, by a header of less than 32 KiB', () => {
  const said = here.introduce(busy, 'platform');
  assert.ok(said.length < 32 * 1024, `${said.length}`);
  assert.deepEqual(here.recognise(said, 'platform'), busy);
});

test('what was packed is believed to nobody but who packed it', () => {
  const [body, seal, by] = here.introduce(busy, 'platform').split('.') as [string, string, string];
  const products = Buffer.from('products').toString('base64url');
  assert.equal(by, products);
  for (const said of [`${body}.${seal}`, `${body}.${seal}.`, `${body}.${seal}.${Buffer.from('platform').toString('base64url')}`, `${body}.${seal}.${Buffer.from('stranger').toString('base64url')}`, `${body}.${seal}.${by}.`, `${body.slice(0, -4)}.${seal}.${by}`, `${here.introduce(person, 'platform')}.${products}`]) refused(said);
});

test('what was said to one process is nothing to another', () => refused(here.introduce(person, 'platform'), 'products'));

test('whoever has another secret is not believed', () => refused(new Introductions('b'.repeat(64), speaksFor).introduce(person, 'platform')));

test('a process does not speak for a module that it does not run, nor as one', () => {
  refused(here.introduce({ ...person, module: 'sys-accounts' }, 'platform'));
  refused(here.introduce({ process: 'products', module: 'mod-promist', principal: { kind: 'module', module: 'sys-core' } }, 'platform'));
  refused(here.introduce({ process: 'products', principal: { kind: 'module', module: 'mod-promist' } }, 'platform'));
  refused(here.introduce({ ...person, process: 'stranger' }, 'platform'));
});

test('a changed character anywhere is refused', () => {
  const said = here.introduce(person, 'platform');
  fc.assert(fc.property(fc.nat(said.length - 1), fc.constantFrom(...'AQgw_-.09az'), (at, character) => {
    if (said[at] === character) return;
    const changed = said.slice(0, at) + character + said.slice(at + 1);
    // The last character of a base64url text may have bits that mean nothing.
    if (Buffer.from(changed.split('.')[1] ?? '', 'base64url').equals(Buffer.from(said.split('.')[1]!, 'base64url')) && changed.split('.')[0] === said.split('.')[0]) return;
    refused(changed);
  }), { numRuns: 500 });
});

test('an account’s own token, and what is no statement at all, is refused', () => {
  for (const text of ['', '.', '..', 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln', 'null.x', `${Buffer.from('{"iss":"platform"}').toString('base64url')}.x`, 'x'.repeat(100_000)]) refused(text);
});

test('a statement is good for a minute, also where it was heard before', () => {
  const began = currentTime().getTime();
  const said = here.introduce(person, 'platform');
  here.recognise(said, 'platform');
  try {
    setCurrentTime(new Date(began + 61_000), performance.now());
    refused(said);
    assert.deepEqual(here.recognise(here.introduce(person, 'platform'), 'platform'), person);
  } finally {
    setCurrentTime(new Date(began), performance.now());
  }
});
