import { deflateRawSync } from 'node:zlib';
import fc, { type Arbitrary } from 'fast-check';
import { generate } from 'selfsigned';
import type { Example } from './any-case.ts';
import type { Ask, Examples } from './ask.ts';

const form = [{ name: 'content-type', value: 'application/x-www-form-urlencoded' }];

/** Requests for SAML, at a provider that is there, with what looks like its messages; what is not taken is answered with a page. */
export async function samlExamples(ask: Ask): Promise<Examples> {
  const { cert } = await generate([{ name: 'commonName', value: 'a provider' }], { keySize: 2048 });
  const { identityProviderId: id } = await ask('olga@acme.test', '/v1/identityProviders', { name: 'By SAML', saml: { entityId: 'https://idp.test', signInUrl: 'https://idp.test/sso', logoutUrl: 'https://idp.test/slo', certificates: [cert] } });
  const get = (target: string): Example => ({ caller: '', tree: { method: 'GET', target, headers: [], body: '' } });
  const post = (target: string, fields: Record<string, string>): Example => ({ caller: '', tree: { method: 'POST', target, headers: form, body: Buffer.from(new URLSearchParams(fields).toString()).toString('base64') } });
  const posted = (name: string, target: string) => anyMessage.map((xml) => post(target, { [name]: Buffer.from(xml).toString('base64'), RelayState: 'x' }));
  const redirected = anyMessage.map((xml) => get(`/saml2/${id}/logout?SAMLRequest=${encodeURIComponent(deflateRawSync(xml).toString('base64'))}&SigAlg=x&Signature=x`));
  return {
    GetSamlMetadata: fc.constant(get(`/saml2/${id}/metadata`)),
    TakeSamlAnswer: posted('SAMLResponse', `/saml2/${id}/acs`),
    LogOutBySaml: fc.oneof(posted('SAMLRequest', `/saml2/${id}/logout`), posted('SAMLResponse', `/saml2/${id}/logout`), redirected),
  };
}

/** What looks like a message of SAML, more or less. */
const anyMessage: Arbitrary<string> = fc
  .record({ root: fc.constantFrom('Response', 'LogoutRequest', 'LogoutResponse', 'Assertion'), version: fc.constantFrom('2.0', '1.1'), issuer: fc.constantFrom('https://idp.test', 'https://other.test'), content: fc.oneof(fc.constantFrom('', '<Status/>', '<!-- -->', '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>', '<NameID>ada</NameID>'), fc.string({ maxLength: 20 })) })
  .map(({ root, version, issuer, content }) => `<${root} xmlns="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="${version}"><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">${issuer}</Issuer>${content}</${root}>`);
