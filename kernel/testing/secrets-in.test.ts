import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { secretsIn } from './secrets-in.ts';

test('whatever opens something is found, and not shown', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const secrets: Record<string, string> = {
    'a JSON Web Token': await new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey),
    'an API key': `mst_${randomBytes(16).toString('hex')}_${randomBytes(32).toString('base64url')}`,
    'a private key': JSON.stringify(JSON.stringify(privateKey.export({ format: 'jwk' }))),
    'credentials of a header': `Basic ${randomBytes(30).toString('base64')}`,
    'a password': 'mainstay-demo',
  };
  for (const [kind, secret] of Object.entries(secrets)) {
    const found = secretsIn(`{"msg":"before"}\n{"msg":"said ${secret} aloud"}\n{"msg":"after"}`);
    assert.equal(found.length, 1, kind);
    assert.ok(found[0]!.startsWith(`${kind}: {"msg":"said `), found[0]!);
    assert.ok(!found[0]!.includes(secret.slice(-15)), kind);
  }
});

test('what opens nothing is no secret', () => {
  assert.deepEqual(secretsIn(`{"id":"${crypto.randomUUID()}","time":"2026-11-22T10:00:00Z","msg":"Bearer of news, Basic rules","hash":"${randomBytes(32).toString('hex')}"}`), []);
});
