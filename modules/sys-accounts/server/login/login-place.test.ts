import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { networkOf, placeHash } from './login-place.ts';

test('addresses of one network are one place, and those of others are not', () => {
  fc.assert(fc.property(fc.ipV4(), fc.nat(255), (address, last) => {
    const network = address.split('.').slice(0, 3).join('.');
    assert.equal(networkOf(`${network}.${last}`), network);
    assert.equal(networkOf(`::ffff:${address}`), networkOf(address));
  }));
  fc.assert(fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), fc.array(fc.nat(0xffff), { minLength: 5, maxLength: 5 }), (groups, others) => {
    const text = (numbers: number[]) => numbers.map((group) => group.toString(16)).join(':');
    assert.equal(networkOf(text(groups)), networkOf(text([...groups.slice(0, 3), ...others])));
    assert.equal(networkOf(text(groups)) === networkOf(text([groups[0]! ^ 1, ...groups.slice(1)])), false);
  }));
});

test('an address of IPv6 is the same place however it is written', () => {
  assert.equal(networkOf('2001:db8::1'), '2001:db8:0');
  assert.equal(networkOf('2001:0DB8:0:0:0:0:0:2'), '2001:db8:0');
  assert.equal(networkOf('::1'), '0:0:0');
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0');
});

test('a place is another one of another account', () => {
  assert.notDeepEqual(placeHash('one', '192.0.2.1'), placeHash('other', '192.0.2.1'));
});
