import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newWebhookSecret, sealSecret, unsealSecret } from './webhook-secret.ts';

test('a secret is kept sealed, for its own endpoint and deployment alone', () => {
  const [here, elsewhere] = ['ab'.repeat(32), 'cd'.repeat(32)];
  const secret = newWebhookSecret();
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  const sealed = sealSecret(here, 'one', secret);
  assert.equal(unsealSecret(here, 'one', sealed), secret);
  assert.ok(!sealed.includes(secret) && !sealed.equals(sealSecret(here, 'one', secret)));
  assert.throws(() => unsealSecret(here, 'other', sealed));
  assert.throws(() => unsealSecret(elsewhere, 'one', sealed));
  const changed = Buffer.from(sealed);
  changed[30]! ^= 1;
  assert.throws(() => unsealSecret(here, 'one', changed));
});
