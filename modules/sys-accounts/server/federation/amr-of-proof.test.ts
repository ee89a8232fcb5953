import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assurance } from '../../contract/index.ts';
import { acrOf } from '../login/amr.ts';
import { amrOfProof } from './amr-of-proof.ts';
import type { ProviderRow } from './external-proof.ts';

const said: fc.Arbitrary<string[]> = fc.uniqueArray(fc.constantFrom('pwd', 'otp', 'hwk', 'swk', 'mfa', 'sms', 'fed', 'user', 'face'));
const provider = (trusts_second_factor: boolean) => ({ trusts_second_factor }) as ProviderRow;

test('a provider that is not trusted for second factors proves one factor, whatever it says', () => {
  fc.assert(fc.property(said, (amr) => assert.deepEqual(amrOfProof({ provider: provider(false), amr }), ['fed'])));
});

test('one that is trusted proves two if it says so, or says nothing; a thing alone is one', () => {
  fc.assert(fc.property(said, (amr) => {
    const isTwo = amr.length === 0 || amr.includes('mfa') || ((amr.includes('pwd') || amr.includes('fed')) && ['otp', 'hwk', 'swk'].some((thing) => amr.includes(thing)));
    const merged = amrOfProof({ provider: provider(true), amr });
    assert.equal(acrOf(merged), isTwo ? assurance.twoFactors : assurance.oneFactor);
    assert.equal(new Set(merged).size, merged.length);
  }));
});
