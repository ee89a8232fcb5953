import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Secret, TOTP } from 'otpauth';
import { newTotp, stepOf } from './totp.ts';

const deployment = { name: 'acme', secret: '0'.repeat(64) };
const times = fc.integer({ min: 1_600_000_000, max: 4_000_000_000 }).map((seconds) => seconds * 1000);
const secrets = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => new Secret({ buffer: Uint8Array.from(bytes).buffer }));

test('the codes of RFC 6238 are right at their time', () => {
  const secret = new Secret({ buffer: Uint8Array.from(Buffer.from('12345678901234567890')).buffer }).base32;
  // Of its eight digits apps show six.
  const codes: [number, string][] = [[59, '287082'], [1_111_111_109, '081804'], [1_111_111_111, '050471'], [1_234_567_890, '005924'], [2_000_000_000, '279037'], [20_000_000_000, '353130']];
  for (const [seconds, code] of codes) assert.equal(stepOf(secret, code, seconds * 1000), Math.floor(seconds / 30));
});

test('a code belongs to the step in which it was shown, and is taken one step before and after it', () => {
  fc.assert(fc.property(secrets, times, fc.integer({ min: -3, max: 3 }), (secret, time, away) => {
    const code = new TOTP({ secret }).generate({ timestamp: time });
    const step = stepOf(secret.base32, code, time + away * 30_000);
    // Steps that happen to show the same code are told apart by nobody.
    if (Math.abs(away) <= 1) assert.ok(step === Math.floor(time / 30_000) || new TOTP({ secret }).generate({ timestamp: step! * 30_000 }) === code);
    else assert.ok(step === undefined || new TOTP({ secret }).generate({ timestamp: step * 30_000 }) === code);
  }));
});

test('what an app is given is a key URI with issuer, address and a secret of 160 bits, sealed for one factor', () => {
  const { uri, base32, sealed } = newTotp(deployment, 'one', 'ada@acme.test');
  const { protocol, host, pathname, searchParams } = new URL(uri);
  assert.deepEqual([protocol, host, decodeURIComponent(pathname), searchParams.get('issuer'), searchParams.get('secret')], ['otpauth:', 'totp', '/acme:ada@acme.test', 'acme', base32]);
  assert.equal(Secret.fromBase32(base32).bytes.length, 20);
  assert.ok(!sealed.includes(base32) && !sealed.includes(Buffer.from(Secret.fromBase32(base32).bytes)));
});
