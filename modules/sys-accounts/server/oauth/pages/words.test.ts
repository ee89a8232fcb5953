import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue } from './catalogue.ts';
import { wordsFor } from './words.ts';

test('pages speak the language that the browser says is read best, of those that they speak', () => {
  for (const [header, language] of [[undefined, 'en'], ['de-CH', 'de'], ['nl, fr;q=0.5, it;q=0.8', 'it'], ['tr;q=0, ur-PK;q=0.1', 'ur'], ['*', 'en'], [';;,q=', 'en'], ['x'.repeat(100_000), 'en']] as const) assert.equal(wordsFor(header).language, language);
});

test('Urdu is read from right to left, and no other', () => {
  for (const language of Object.keys(catalogue)) assert.equal(wordsFor(language).direction, language === 'ur' ? 'rtl' : 'ltr');
});

test('every language says everything, and names what it is told', () => {
  const keys = Object.keys(catalogue.en).toSorted();
  for (const texts of Object.values(catalogue)) {
    assert.deepEqual(Object.keys(texts).toSorted(), keys);
    assert.deepEqual(Object.keys(texts.scopes).toSorted(), Object.keys(catalogue.en.scopes).toSorted());
    for (const text of Object.values(texts)) if (typeof text === 'function') assert.ok(text('Somebody').includes('Somebody'));
    for (const text of [...Object.values(texts), ...Object.values(texts.scopes)]) if (typeof text === 'string') assert.ok(text.trim() !== '');
  }
});
