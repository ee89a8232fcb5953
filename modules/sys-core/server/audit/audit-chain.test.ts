import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { AuditEntry } from '@mainstay/kernel';
import fc from 'fast-check';
import { canonicalEntry, createSealer, hashEntry, storableEntry } from './audit-chain.ts';

const entry: AuditEntry = {
  id: '0192f0c1-2345-7abc-8def-0123456789ab',
  time: new Date('2026-11-21T10:00:00.123Z'),
  module: 'mod-promist',
  method: 'mod.promist.v1.PromisesService/CreatePromise',
  outcome: 'OK',
  principalKind: 'account',
  principalId: '0192f0c1-0000-7000-8000-000000000001',
  traceId: 'a'.repeat(32),
  subjects: { promise_id: 'b', account_id: 'a' },
};

test('the canonical form of an entry is JSON by RFC 8785, the same for ever', () => {
  assert.equal(
    canonicalEntry(entry),
    '{"id":"0192f0c1-2345-7abc-8def-0123456789ab","method":"mod.promist.v1.PromisesService/CreatePromise","module":"mod-promist","outcome":"OK","principalId":"0192f0c1-0000-7000-8000-000000000001",' +
      '"principalKind":"account","subjects":{"account_id":"a","promise_id":"b"},"time":"2026-11-21T10:00:00.123Z","traceId":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}',
  );
  assert.equal(hashEntry(Buffer.alloc(32), entry).toString('hex'), '921299bd49fd06d2dd45e6fb2beea53e27f521375878553411de3247dd05c8dd');
});

test('two entries that differ have different hashes', () => {
  const text = fc.string({ maxLength: 20 });
  const change = fc.record({ outcome: text, method: text, traceId: text, clientAddress: text, subjects: fc.dictionary(text, text, { maxKeys: 3 }) });
  fc.assert(fc.property(change, change, (one, other) => {
    const [first, second] = [one, other].map((fields) => storableEntry({ ...entry, ...fields }));
    const equal = JSON.stringify(sorted(first!)) === JSON.stringify(sorted(second!));
    assert.equal(hashEntry(Buffer.alloc(32), first!).equals(hashEntry(Buffer.alloc(32), second!)), equal);
  }));
});

test('an entry that was made storable stays as it is', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  fc.assert(fc.property(fc.record({ clientAddress: text, sessionId: text, subjects: fc.dictionary(text, text) }), (fields) => {
    const once = storableEntry({ ...entry, ...fields, id: randomUUID().toUpperCase() });
    assert.deepEqual(storableEntry(once), once);
    assert.doesNotMatch(canonicalEntry(once), /\\u0000|\\ud[89a-f]/);
  }));
});

test('a seal holds for one place, one hash, one time and one secret', () => {
  const sealed = { sequence: 7, hash: Buffer.alloc(32, 1), time: new Date(0) };
  const seal = createSealer('ab'.repeat(32));
  const macs = [seal(sealed), seal({ ...sealed, sequence: 8 }), seal({ ...sealed, hash: Buffer.alloc(32, 2) }), seal({ ...sealed, time: new Date(1) }), createSealer('cd'.repeat(32))(sealed)];
  assert.equal(new Set(macs.map((mac) => mac.toString('hex'))).size, macs.length);
  assert.deepEqual(seal(sealed), macs[0]);
});

/** With the keys of the subjects in order. */
const sorted = ({ subjects, ...rest }: AuditEntry) => [Object.entries(rest).sort(), Object.entries(subjects).sort()];
