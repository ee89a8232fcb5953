import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { SamlSettingsSchema, type SamlSettings } from '../../../contract/index.ts';
import { startSamlIdp, withoutSaml, type Do, type SamlIdp } from '../../../testing/judges/saml-idp.ts';
import type { ProviderRow } from '../external-proof.ts';
import { serviceMetadata } from './metadata.ts';
import { readPerson } from './read-person.ts';
import { SamlRefused } from './saml-refused.ts';
import type { SamlSide } from './saml-settings.ts';
import { makeServiceCertificate } from './service-certificate.ts';
import { verifyAnswer } from './verify-answer.ts';

const [entityId, acs] = ['https://sp.test/saml2/1/metadata', 'https://sp.test/saml2/1/acs'];
const requestId = '_request';
const victim = 'ada@acme.test';
const stranger = { nameId: `${victim}.evil.test`, attributes: { mail: [`${victim}.evil.test`] } };

let idp: SamlIdp;
let side: SamlSide;

before(async () => {
  if (withoutSaml) return;
  idp = await startSamlIdp();
  const keys = [await makeServiceCertificate('new'), await makeServiceCertificate('old')];
  const settings = create(SamlSettingsSchema, { entityId: idp.entityId, signInUrl: idp.signInUrl, logoutUrl: idp.logoutUrl, certificates: [await idp.certificate()], wantsEncryptedAssertions: true });
  side = { provider: { id: '1', name: 'Acme' } as ProviderRow, settings, entityId, acs, logout: 'https://sp.test/saml2/1/logout', keys: { signer: keys[1]!, all: keys } };
  await idp.learn(await serviceMetadata(side));
  settings.wantsEncryptedAssertions = false;
});
after(() => idp?.stop());

const verify = async (what: Do, { settings = {}, since }: { settings?: Partial<SamlSettings>; since?: Date } = {}) => {
  const answer = await idp.unsolicited(entityId, acs, { inResponseTo: requestId, person: stranger, ...what });
  const changed = { ...side, settings: { ...side.settings, ...settings } };
  return readPerson(changed.settings, await verifyAnswer(changed, answer, { requestId, skewSeconds: 60, ...(since && { provenSince: since }) }));
};

/** Why an answer is refused; nothing if it is taken. */
const refusal = async (...given: Parameters<typeof verify>): Promise<string | undefined> => {
  try {
    await verify(...given);
    return undefined;
  } catch (error) {
    if (!(error instanceof SamlRefused)) throw error;
    assert.ok(!error.message.includes('acme.test'), 'the log holds nothing personal');
    return error.reason;
  }
};

test('an answer is taken that is signed as a whole, in its assertion, or both', { skip: withoutSaml }, async () => {
  for (const sign of [['assertion'], ['response'], ['assertion', 'response']] as const) {
    const said = await verify({ sign: [...sign], person: { nameId: 'p-1', attributes: { mail: ['ada@acme.test'], displayName: ['Ada L.'], isMemberOf: ['staff', 'it'] } }, sessionIndex: 's-1' });
    assert.deepEqual({ ...said, nameId: undefined }, { subject: 'p-1', email: 'ada@acme.test', displayName: 'Ada L.', groups: ['staff', 'it'], amr: ['pwd'], sessionIndex: 's-1', nameId: undefined });
  }
});

test('wrapped signatures prove nothing, in all eight variants', { skip: withoutSaml }, async () => {
  for (const variant of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const sign = variant < 3 ? ['response' as const] : ['assertion' as const];
    assert.equal(await refusal({ attack: `xsw${variant}`, sign, victim }), 'NOT_SIGNED', `variant ${variant}`);
  }
});

test('an answer is not taken that was changed, is not signed, or is signed by somebody else', { skip: withoutSaml }, async () => {
  for (const attack of ['tampered', 'signature', 'unsigned']) assert.equal(await refusal({ attack, victim }), 'NOT_SIGNED', attack);
  assert.equal(await refusal({ key: 'foreign' }), 'NOT_SIGNED');
  assert.equal(await refusal({ sign: [] }), 'NOT_SIGNED');
  assert.equal(await refusal({ sha1: true }), 'WEAK_ALGORITHM');
  assert.equal(await refusal({ sha1: true, sign: ['response'] }), 'WEAK_ALGORITHM');
});

test('what parsers read in different ways, or in too long a time, is not read at all', { skip: withoutSaml }, async () => {
  for (const attack of ['comment', 'entities', 'external', 'deep', 'huge']) assert.equal(await refusal({ attack, victim }), 'UNREADABLE', attack);
  for (const text of ['', 'x', '<a/>', Buffer.from('<a/>').toString('base64'), Buffer.from('<a').toString('base64'), Buffer.from([0xff, 0xfe, 0, 0x3c]).toString('base64'), 'A'.repeat(700_000)]) {
    await assert.rejects(verifyAnswer(side, text, { requestId, skewSeconds: 60 }), (error) => error instanceof SamlRefused && error.reason === 'UNREADABLE');
  }
});

test('an answer is not taken that is for somebody else, or from somebody else', { skip: withoutSaml }, async () => {
  const wrong = { audience: 'https://other.test', recipient: 'https://other.test/acs', destination: 'https://other.test/acs', issuer: 'https://other.test/idp', inResponseTo: '_another', noAudience: true, method: 'urn:oasis:names:tc:SAML:2.0:cm:sender-vouches' };
  const reasons = { audience: 'WRONG_AUDIENCE', recipient: 'WRONG_DESTINATION', destination: 'WRONG_DESTINATION', issuer: 'WRONG_ISSUER', inResponseTo: 'WRONG_REQUEST', noAudience: 'WRONG_AUDIENCE', method: 'UNREADABLE' };
  for (const [name, value] of Object.entries(wrong)) assert.equal(await refusal({ [name]: value }), reasons[name as keyof typeof reasons], name);
  assert.equal(await refusal({ inResponseTo: '' }), 'NOT_BEGUN_HERE');
  assert.equal(await refusal({}, { settings: { entityId: 'https://other.test/idp' } }), 'WRONG_ISSUER');
});

test('an answer is good for its time, and a minute more for clocks that differ', { skip: withoutSaml }, async () => {
  assert.equal(await refusal({ from: 30 }), undefined);
  assert.equal(await refusal({ until: -30 }), undefined);
  assert.equal(await refusal({ from: 600 }), 'OUT_OF_TIME');
  assert.equal(await refusal({ until: -600 }), 'OUT_OF_TIME');
});

test('who had to prove anew who they are did so after they were sent', { skip: withoutSaml }, async () => {
  const since = new Date();
  assert.equal(await refusal({ authnInstant: 0 }, { since }), undefined);
  assert.equal(await refusal({ authnInstant: -3600 }, { since }), 'NOT_FRESH');
});

test('while a provider changes its certificate both are taken, and one that is out of date is named', { skip: withoutSaml }, async () => {
  const [current, next, expired, early] = await Promise.all(['current', 'next', 'expired', 'early'].map((key) => idp.certificate(key)));
  const certificates = [current!, next!, expired!, early!];
  assert.equal(await refusal({ key: 'next' }), 'NOT_SIGNED');
  for (const [key, reason] of [['current', undefined], ['next', undefined], ['expired', 'CERTIFICATE_OUT_OF_DATE'], ['early', 'CERTIFICATE_OUT_OF_DATE']] as const) assert.equal(await refusal({ key }, { settings: { certificates } }), reason, key);
  await assert.rejects(verify({ key: 'expired' }, { settings: { certificates: [expired!] } }), /SHA-256 [0-9A-F:]{95}, good from .* to /);
});

test('encrypted assertions are taken, by AES-GCM, and by AES-CBC where the whole answer is signed', { skip: withoutSaml }, async () => {
  for (const encrypt of ['aes128-gcm', 'aes256-gcm']) assert.equal((await verify({ encrypt })).subject, stranger.nameId, encrypt);
  assert.equal((await verify({ encrypt: 'aes256-cbc', sign: ['assertion', 'response'] })).subject, stranger.nameId);
  assert.equal((await verify({ encrypt: 'aes256-gcm', sign: ['response'] })).subject, stranger.nameId);
  assert.equal(await refusal({ encrypt: 'aes256-cbc' }), 'WEAK_ALGORITHM');
  assert.equal(await refusal({ encrypt: 'tripledes-cbc', sign: ['response'] }), 'WEAK_ALGORITHM');
  assert.equal(await refusal({ encrypt: 'aes256-gcm', sign: [] }), 'NOT_SIGNED');
  assert.equal(await refusal({}, { settings: { wantsEncryptedAssertions: true } }), 'NOT_ENCRYPTED');
});

test('a person is named for ever, and known by what the settings say', { skip: withoutSaml }, async () => {
  const transient = { nameId: 't-1', format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient', attributes: { uid: ['ada'] } };
  assert.equal(await refusal({ person: transient }), 'NO_SUBJECT');
  assert.equal((await verify({ person: transient }, { settings: { subjectAttribute: 'urn:oid:0.9.2342.19200300.100.1.1' } })).subject, 'ada');
  const byAddress = await verify({ person: { nameId: 'Ada@acme.test', format: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress' } });
  assert.deepEqual([byAddress.subject, byAddress.email, byAddress.groups], ['ada@acme.test', 'Ada@acme.test', undefined]);
});

test('how a person logged in there is said in the words that we use', { skip: withoutSaml }, async () => {
  assert.deepEqual((await verify({ context: 'https://refeds.org/profile/mfa' })).amr, ['mfa']);
  assert.deepEqual((await verify({ context: 'urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified' })).amr, []);
  assert.deepEqual((await verify({ context: 'urn:acme:two' }, { settings: { twoFactorsContexts: ['urn:acme:two'] } })).amr, ['mfa']);
});

test('what a provider refuses is told', { skip: withoutSaml }, async () => {
  const refused = Buffer.from(`<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0" InResponseTo="${requestId}" Destination="${acs}"><p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"/></p:Status></p:Response>`).toString('base64');
  await assert.rejects(verifyAnswer(side, refused, { requestId, skewSeconds: 60 }), (error) => error instanceof SamlRefused && error.reason === 'DECLINED');
});

test('whichever characters of an answer are changed, it says the same or is refused', { skip: withoutSaml }, async () => {
  const xml = Buffer.from(await idp.unsolicited(entityId, acs, { inResponseTo: requestId, person: stranger, sign: ['assertion', 'response'] }), 'base64').toString();
  const expected = { requestId, skewSeconds: 60 };
  const change = fc.record({ at: fc.nat(xml.length - 1), length: fc.nat(3), text: fc.oneof(fc.constantFrom('<', '>', '/', '"', '&#x3c;', '&amp;', ' ', '<a/>', 'ID="_1"'), fc.string({ maxLength: 3 })) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const changed = changes.reduce((text, { at, length, text: put }) => text.slice(0, at) + put + text.slice(at + length), xml);
      try {
        const { profile } = await verifyAnswer(side, Buffer.from(changed).toString('base64'), expected);
        assert.deepEqual([profile.nameID, profile.attributes], [stranger.nameId, { 'urn:oid:0.9.2342.19200300.100.1.3': stranger.nameId }]);
      } catch (error) {
        if (!(error instanceof SamlRefused)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});
