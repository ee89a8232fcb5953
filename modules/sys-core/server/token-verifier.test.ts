import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectError } from '@connectrpc/connect';
import { reasonOf } from '@mainstay/kernel';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK } from 'jose';
import { createTokenVerifier } from './token-verifier.ts';

const issuer = 'https://main.example';
const audience = 'https://api.example';
const accountId = '0197a000-0000-7000-8000-000000000001';
const sessionId = '0197a000-0000-7000-8000-000000000002';

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const publicJwk: JWK = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
const other = await generateKeyPair('ES256');

interface Change {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  key?: CryptoKey | Uint8Array;
}

function token({ claims = {}, header = {}, key = privateKey }: Change = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const payload = { iss: issuer, aud: [audience, 'https://other.example'], sub: accountId, sid: sessionId, jti: 'j', iat: now, exp: now + 600, ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'at+jwt', ...header }).sign(key);
}

const verifier = (readKeys = async () => [publicJwk]) => createTokenVerifier({ issuer, audience: [audience], readKeys });
const refused = (text: string, reason: string) => assert.rejects(verifier()(text), (error) => reasonOf(error) === `sys-core.${reason}`);
const now = Math.floor(Date.now() / 1000);

test('a token whose audience list names this address is valid, the first time and again', async () => {
  const verify = verifier();
  const good = await token();
  for (let time = 1; time <= 2; time++) {
    const claims = await verify(good);
    assert.equal(claims.accountId, accountId);
    assert.equal(claims.sessionId, sessionId);
  }
});

test('a verifier of several addresses takes a token that is good for any of them, and no other', async () => {
  const verify = createTokenVerifier({ issuer, audience: ['https://one.example', 'https://two.example'], readKeys: async () => [publicJwk] });
  for (const aud of ['https://one.example', ['https://two.example'], ['https://three.example', 'https://two.example']]) assert.equal((await verify(await token({ claims: { aud } }))).accountId, accountId);
  for (const aud of ['https://three.example', [], ['https://one.example.evil']]) await assert.rejects(verify(await token({ claims: { aud } })), (error) => reasonOf(error) === 'sys-core.TOKEN_WRONG_AUDIENCE');
});

test('an expired token is refused', async () => refused(await token({ claims: { exp: now - 1 } }), 'TOKEN_EXPIRED'));
test('a remembered token is refused once it expires', async () => {
  const verify = verifier();
  const short = await token({ claims: { exp: Math.floor(Date.now() / 1000) + 1 } });
  await verify(short);
  await new Promise((resolve) => setTimeout(resolve, 2100));
  await assert.rejects(verify(short), (error) => reasonOf(error) === 'sys-core.TOKEN_EXPIRED');
});
test('a token of the future is refused', async () => refused(await token({ claims: { nbf: now + 60 } }), 'TOKEN_NOT_YET_VALID'));
test('a token for others is refused', async () => refused(await token({ claims: { aud: ['https://other.example'] } }), 'TOKEN_WRONG_AUDIENCE'));
test('a token without audience is refused', async () => refused(await token({ claims: { aud: undefined } }), 'TOKEN_WRONG_AUDIENCE'));
test('a token of another issuer is refused', async () => refused(await token({ claims: { iss: 'https://evil.example' } }), 'TOKEN_WRONG_ISSUER'));
test('a token of another type is refused', async () => refused(await token({ header: { typ: 'JWT' } }), 'TOKEN_INVALID'));
test('a token without end is refused', async () => refused(await token({ claims: { exp: undefined } }), 'TOKEN_INVALID'));
test('a token without session is refused', async () => refused(await token({ claims: { sid: undefined } }), 'TOKEN_INVALID'));
test('a session id that is no UUID is refused', async () => refused(await token({ claims: { sid: "' or 1=1" } }), 'TOKEN_INVALID'));
test('a token signed with another key is refused', async () => refused(await token({ key: other.privateKey }), 'TOKEN_INVALID'));
test('a token that names an unknown key is refused', async () => refused(await token({ header: { kid: 'k2' } }), 'TOKEN_INVALID'));
test('text that is no token is refused', async () => refused('a.b.c', 'TOKEN_INVALID'));

test('a changed payload is refused', async () => {
  const [header, , signature] = (await token()).split('.');
  const forged = Buffer.from(JSON.stringify({ iss: issuer, aud: audience, sub: accountId, sid: sessionId, jti: 'j', exp: now + 9e6 })).toString('base64url');
  await refused(`${header}.${forged}.${signature}`, 'TOKEN_INVALID');
});

test('an unsigned token is refused', async () => {
  const claims = { iss: issuer, aud: audience, sub: accountId, sid: sessionId, jti: 'j', exp: now + 600 };
  await refused(new UnsecuredJWT(claims).encode(), 'TOKEN_INVALID');
  const [, payload] = (await token()).split('.');
  const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: 'k1' })).toString('base64url');
  await refused(`${none}.${payload}.`, 'TOKEN_INVALID');
});

test('a token signed with the public key as a shared secret is refused', async () => {
  await refused(await token({ header: { alg: 'HS256' }, key: new TextEncoder().encode(JSON.stringify(publicJwk)) }), 'TOKEN_INVALID');
});

test('a key that is new since the keys were read is found', async () => {
  const keys = [publicJwk];
  const verify = verifier(async () => [...keys]);
  await verify(await token());
  const next = await generateKeyPair('ES256', { extractable: true });
  keys.unshift({ ...(await exportJWK(next.publicKey)), kid: 'k2', alg: 'ES256' });
  await new Promise((resolve) => setTimeout(resolve, 2100));
  assert.equal((await verify(await token({ header: { kid: 'k2' }, key: next.privateKey }))).accountId, accountId);
});

test('when the keys can not be read the caller is not told that the token is wrong', async () => {
  const verify = verifier(() => Promise.reject(new ConnectError('the database can not be reached')));
  await assert.rejects(verify(await token()), /database/);
});
