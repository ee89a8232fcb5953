import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressGroup } from './address-group.ts';
import { isLoopback, isNetwork, Networks, plainAddress } from './networks.ts';

const number = (bytes: readonly number[]): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const written = (bytes: readonly number[]): string => (bytes.length === 4 ? bytes.join('.') : Array.from({ length: 8 }, (_, at) => ((bytes[2 * at]! << 8) | bytes[2 * at + 1]!).toString(16)).join(':'));
const bytesOf = (length: 4 | 16) => fc.array(fc.nat(255), { minLength: length, maxLength: length });
/** A network, and an address that shares some of its first bits. */
const placed = fc.constantFrom(4 as const, 16 as const).chain((length) => fc.record({ network: bytesOf(length), address: bytesOf(length), prefix: fc.nat(length * 8), same: fc.nat(length) }))
  .map(({ network, address, prefix, same }) => ({ network, address: address.map((byte, at) => (at < same ? network[at]! : byte)), prefix }))
  // An IPv4 address within IPv6 is the IPv4 address, and no longer of the network of IPv6.
  .filter(({ network, address }) => ![network, address].some((bytes) => bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0)));

test('a network has exactly the addresses that share its first bits', () => {
  fc.assert(fc.property(placed, ({ network, address, prefix }) => {
    const rest = BigInt(network.length * 8 - prefix);
    assert.equal(new Networks([`${written(network)}/${prefix}`]).has(written(address)), number(network) >> rest === number(address) >> rest);
  }), { numRuns: 2000 });
});

test('an address of one family is in no network of the other, unless it is one of IPv4 within IPv6', () => {
  assert.equal(new Networks(['::/0']).has('192.0.2.1'), false);
  assert.equal(new Networks(['0.0.0.0/0']).has('2001:db8::1'), false);
  assert.equal(new Networks(['192.0.2.0/24']).has('::ffff:192.0.2.7'), true);
  assert.equal(plainAddress('fe80::1%eth0'), 'fe80::1');
});

test('what is no network is not taken for one', () => {
  for (const text of ['192.0.2.0/24', '192.0.2.1', '2001:db8::/32', '::1', '0.0.0.0/0', '::/128']) assert.ok(isNetwork(text), text);
  for (const text of ['', '192.0.2', '192.0.2.0/33', '192.0.2.0/-1', '192.0.2.0/08', '192.0.2.0/', '::/129', 'fe80::1%eth0', '192.0.2.0/24/8', 'example.com', '10.0.0.0 /8', '010.0.0.1']) assert.ok(!isNetwork(text), text);
});

test('what is said to be an address and is none is in no network', () => {
  for (const text of ['', 'unknown', '_hidden', '1.2.3', '999.1.1.1']) assert.equal(new Networks(['0.0.0.0/0', '::/0']).has(text), false);
});

test('this machine is 127.0.0.0/8 and ::1', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(address), address);
  for (const address of ['128.0.0.1', '::2', '10.0.0.1']) assert.ok(!isLoopback(address), address);
});

test('addresses of IPv6 count together exactly where their first 64 bits are one, however they are written', () => {
  fc.assert(fc.property(bytesOf(16), bytesOf(16), fc.nat(16), (one, bytes, same) => {
    const other = bytes.map((byte, at) => (at < same ? one[at]! : byte));
    assert.equal(addressGroup(written(one)) === addressGroup(written(other)), number(one) >> 64n === number(other) >> 64n);
  }));
  for (const same of [['2001:db8::1', '2001:0db8:0:0:ffff::'], ['::1', '0:0:0:0:0:0:0:2'], ['2001:DB8:1:2::', '2001:db8:1:2:3:4:5:6']] as const) assert.equal(addressGroup(same[0]), addressGroup(same[1]));
  assert.equal(addressGroup('192.0.2.1'), '192.0.2.1');
});
