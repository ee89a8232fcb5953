import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientPlace } from './client-address.ts';
import { Networks } from './networks.ts';

const trusted = new Networks(['10.0.0.0/8', '2001:db8:ffff::/48']);
const plain = (peer: string, headers: Record<string, string>) => clientPlace(peer, headers, { trusted, header: 'x-forwarded-for' });
const forwarded = (peer: string, text: string) => clientPlace(peer, { forwarded: text, 'x-forwarded-for': '203.0.113.99' }, { trusted, header: 'forwarded' });

test('what a client says itself about its address counts for nothing', () => {
  assert.deepEqual(plain('192.0.2.1', { 'x-forwarded-for': '203.0.113.5', 'x-forwarded-proto': 'https' }), { address: '192.0.2.1', encrypted: false });
});

test('of a chain the last address that is no trusted proxy counts', () => {
  assert.equal(plain('10.0.0.1', { 'x-forwarded-for': '203.0.113.5' }).address, '203.0.113.5');
  assert.equal(plain('10.0.0.1', { 'x-forwarded-for': '10.0.0.7, 198.51.100.9, 203.0.113.5, 10.2.3.4' }).address, '203.0.113.5');
  assert.equal(plain('::ffff:10.0.0.1', { 'x-forwarded-for': '[2001:db8::9]:4711' }).address, '2001:db8::9');
  assert.equal(plain('10.0.0.1', { 'x-forwarded-for': '203.0.113.5:80' }).address, '203.0.113.5');
});

test('behind a proxy that tells no address, the proxy is the client', () => {
  for (const text of ['', 'unknown', '203.0.113.5, _hidden', 'x']) assert.equal(plain('10.0.0.1', { 'x-forwarded-for': text }).address, '10.0.0.1', text);
  assert.equal(plain('10.0.0.1', {}).address, '10.0.0.1');
  assert.equal(plain('10.0.0.1', { 'x-forwarded-for': '10.0.0.2' }).address, '10.0.0.2');
});

test('Forwarded is read as RFC 7239 has it, and the other header is left aside', () => {
  assert.deepEqual(forwarded('10.0.0.1', 'for=192.0.2.43, for="[2001:db8:cafe::17]:4711";proto=https;by=10.0.0.9'), { address: '2001:db8:cafe::17', encrypted: true });
  assert.equal(forwarded('10.0.0.1', 'For="203.0.113.5, x";proto=http').address, '10.0.0.1');
  assert.equal(forwarded('10.0.0.1', 'for=198.51.100.2;host="a;for=1.2.3.4", For=10.3.3.3').address, '198.51.100.2');
});

test('that the client came by TLS is told by a trusted proxy alone', () => {
  assert.equal(plain('10.0.0.1', { 'x-forwarded-for': '203.0.113.5', 'x-forwarded-proto': 'https' }).encrypted, true);
  assert.equal(plain('10.0.0.1', { 'x-forwarded-for': '203.0.113.5', 'x-forwarded-proto': 'https, http' }).encrypted, false);
});
