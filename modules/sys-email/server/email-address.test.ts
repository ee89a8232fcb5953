import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import fc from 'fast-check';
import { addressKey, maskedAddress, requireAddress } from './email-address.ts';

const local = fc.string({ unit: fc.constantFrom(...'abcXYZ019!#$%&\'*+/=?^_`{|}~-'), minLength: 1, maxLength: 20 });
const nasty = fc.string({ unit: fc.constantFrom('a', '.', '@', ' ', ',', ';', ':', '<', '>', '"', '(', ')', '\\', '\r', '\n', '\0', '\u0085', '\u2028', 'ü', '＠', '。', '[', ']', '%'), maxLength: 12 });

test('what people have for an address is taken, its domain in ASCII and small letters', () => {
  fc.assert(fc.property(fc.array(local, { minLength: 1, maxLength: 3 }), fc.domain(), (parts, domain) => {
    const name = parts.join('.');
    fc.pre(name.length <= 64);
    assert.equal(requireAddress(`${name}@${domain.toUpperCase()}`), `${name}@${domain.toLowerCase()}`);
  }));
  assert.equal(requireAddress('Ada.Lovelace+tag@Bücher.Example'), 'Ada.Lovelace+tag@xn--bcher-kva.example');
});

test('whatever is let in is one address of one line, in ASCII, and the same if it is checked again', () => {
  fc.assert(fc.property(fc.tuple(nasty, nasty).map(([one, other]) => `${one}@${other}`), (given) => {
    let address: string;
    try {
      address = requireAddress(given);
    } catch (error) {
      assert.equal(reasonOf(error), 'sys-email.ADDRESS_INVALID');
      return;
    }
    assert.match(address, /^[^\s@<>,;:"()\\[\]\p{Cc}\P{ASCII}]+@[a-z0-9.-]+$/u);
    assert.equal(requireAddress(address), address);
  }), { numRuns: 3000 });
});

test('a refusal does not tell the address, and a mask does not tell who', () => {
  assert.throws(() => requireAddress('some body@acme.test'), (error: Error) => !error.message.includes('some body'));
  assert.equal(maskedAddress('ada@acme.test'), 'a…@acme.test');
  assert.equal(addressKey('Ada@acme.test'), 'ada@acme.test');
});
