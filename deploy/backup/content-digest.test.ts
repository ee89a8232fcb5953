import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tableDigest } from './content-digest.ts';

const digestOf = (...pieces: Buffer[]) => {
  const digest = tableDigest();
  for (const piece of pieces) digest.add(piece);
  return digest.end();
};
const rows = fc.array(fc.string().map((text) => text.replaceAll('\n', '')), { maxLength: 20 });
const lines = (texts: string[]) => Buffer.from(texts.map((text) => `${text}\n`).join(''));

test('the digest of a table depends neither on the order of its rows nor on how they arrive', () => {
  fc.assert(fc.property(rows, fc.array(fc.nat(), { maxLength: 5 }), (texts, cuts) => {
    const whole = lines(texts);
    const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
    const pieces = places.slice(1).map((end, index) => whole.subarray(places[index], end));
    assert.deepEqual(digestOf(...pieces), digestOf(lines(texts.toReversed())));
    assert.equal(digestOf(whole).rows, texts.length);
  }));
});

test('the digest of a table changes with any row, also with one that is there twice', () => {
  fc.assert(fc.property(rows, fc.nat(), fc.string(), (texts, place, text) => {
    const index = place % (texts.length + 1);
    const other = [...texts.slice(0, index), text.replaceAll('\n', ''), ...texts.slice(index)];
    assert.notEqual(digestOf(lines(other)).digest, digestOf(lines(texts)).digest);
  }));
});

test('rows of a table that lacks its end are refused', () => {
  assert.throws(() => digestOf(Buffer.from('whole\nhalf')), /last row/);
});
