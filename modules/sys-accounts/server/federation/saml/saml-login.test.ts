import assert from 'node:assert/strict';
import { after } from 'node:test';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { assurance, GroupMappingsService, Role } from '../../../contract/index.ts';
import { FederatedLogin } from '../../../testing/federation/federated-login.ts';
import { SamlOrg } from '../../../testing/federation/saml-org.ts';
import { startSamlIdp, withoutSaml, type Do, type SamlIdp } from '../../../testing/judges/saml-idp.ts';
import { password, Person } from '../../../testing/people.ts';

let starting: Promise<SamlIdp> | undefined;
after(async () => (await starting)?.stop());

/** A fact about logins of an org whose people log in at pysaml2. */
const fact = (name: string, run: (deployment: TestDeployment, idp: SamlIdp) => Promise<void>) => everyTopology(name, async (deployment) => run(deployment, await (starting ??= startSamlIdp())), { skip: withoutSaml });

const reasonOn = ({ page }: FederatedLogin): string | undefined => /SAML_([A-Z_]+)/.exec(page.text)?.[1];

fact('a newcomer of a domain of the org logs in by SAML, and the next time it is the same', async (deployment, idp) => {
  const there = await SamlOrg.in(deployment, idp);
  await (await there.org.client(GroupMappingsService)).createGroupMapping({ groupMapping: { groupName: 'leads', role: Role.ADMIN } });
  const grace = there.employee({ isMemberOf: ['leads', 'others'] });
  const first = await (await there.logIn(grace)).end();
  assert.deepEqual([first.email, first.acr, first.amr], [grace.email, assurance.oneFactor, ['fed']]);
  assert.deepEqual((await there.org.roles()).get(first.accountId), ['ADMIN', 'USER']);
  const second = await (await there.logIn({ ...grace, attributes: { ...grace.attributes, isMemberOf: ['others'] } })).end();
  assert.equal(second.accountId, first.accountId);
  assert.deepEqual((await there.org.roles()).get(first.accountId), ['USER']);
});

fact('who has an account logs in to it once, and is linked to the name id', async (deployment, idp) => {
  const there = await SamlOrg.in(deployment, idp);
  const grace = there.employee();
  const account = await Person.in(deployment, grace.email);
  const flow = await there.logIn(grace);
  assert.match(flow.page.text, /Link your account/);
  await flow.submit({ password });
  assert.equal((await flow.end()).accountId, account.accountId);
  assert.equal((await (await there.logIn(grace)).end()).accountId, account.accountId);
});

fact('the page of the provider posts without our cookies, and the login is that of the browser that began it alone', async (deployment, idp) => {
  const there = await SamlOrg.in(deployment, idp);
  const [grace, victim] = [await FederatedLogin.at(deployment), await FederatedLogin.at(deployment)];
  const stolen = await there.answer(grace, there.employee());
  // Somebody has another browser bring what proves who they are: it would be logged in as them.
  await there.comeBack(victim, stolen);
  assert.equal(victim.page.status, 400);
  assert.match(victim.page.text, /opened in another browser/);
  const came = new URL(victim.page.url);
  assert.match(came.pathname, /^\/oauth2\/interaction\//);
  // The browser that began goes on, where the other was sent to.
  grace.page = await grace.browser.open(came.href);
  assert.equal((await grace.end()).amr[0], 'fed');
});

fact('of eight uses of an answer at once exactly one is taken', async (deployment, idp) => {
  const there = await SamlOrg.in(deployment, idp);
  const login = await FederatedLogin.at(deployment);
  const { action, fields } = await there.answer(login, there.employee());
  const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(action, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields) })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 400, 400, 400, 400, 400, 400, 400]);
  assert.match(await answers.find(({ status }) => status === 400)!.text(), /SAML_NOT_BEGUN_HERE/);
});

fact('an assertion is good once, also if the provider signs it for another login', async (deployment, idp) => {
  const there = await SamlOrg.in(deployment, idp);
  const [grace, what] = [there.employee(), { assertionId: '_always' }];
  await (await there.logIn(grace, { what })).end();
  assert.equal(reasonOn(await there.logIn(grace, { what })), 'TAKEN_ALREADY');
});

fact('whoever has to show two factors is asked for them there, and anew', async (deployment, idp) => {
  const context = 'https://refeds.org/profile/mfa';
  const there = await SamlOrg.in(deployment, idp, { trustsSecondFactor: true }, { twoFactorsContexts: [context] });
  const [grace, params] = [there.employee(), { acr_values: assurance.twoFactors }];
  assert.deepEqual(await (await there.logIn(grace, { params, what: { context } })).end().then(({ acr, amr }) => [acr, amr]), [assurance.twoFactors, ['fed', 'mfa']]);
  const { forceAuthn, contexts } = (await idp.told()).findLast(({ request }) => request === 'AuthnRequest')!;
  assert.deepEqual([forceAuthn, contexts], [true, [context]]);
  assert.equal(reasonOn(await there.logIn(grace, { params, what: { context, authnInstant: -3600 } })), 'NOT_FRESH');
});

fact('what is wrong with an answer is said to the person in their language, and its name to the administrator', async (deployment, idp) => {
  const there = await SamlOrg.in(deployment, idp);
  const grace = there.employee();
  const wrong: [Do, string][] = [
    [{ attack: 'xsw3', victim: grace.nameId }, 'NOT_SIGNED'],
    [{ attack: 'xsw8', victim: grace.nameId }, 'NOT_SIGNED'],
    [{ attack: 'unsigned' }, 'NOT_SIGNED'],
    [{ attack: 'tampered', victim: grace.nameId }, 'NOT_SIGNED'],
    [{ attack: 'comment', victim: grace.nameId.slice(0, 8) }, 'UNREADABLE'],
    [{ attack: 'entities', victim: grace.nameId }, 'UNREADABLE'],
    [{ attack: 'huge', victim: grace.nameId }, 'UNREADABLE'],
    [{ sha1: true }, 'WEAK_ALGORITHM'],
    [{ audience: 'https://other.test' }, 'WRONG_AUDIENCE'],
    [{ until: -600 }, 'OUT_OF_TIME'],
    [{ inResponseTo: '_another' }, 'WRONG_REQUEST'],
    [{ status: 'declined' }, 'DECLINED'],
  ];
  for (const [what, reason] of wrong) {
    const flow = await there.logIn(grace, { what });
    assert.deepEqual([reasonOn(flow), flow.page.status], [reason, 400], JSON.stringify(what));
    assert.ok(flow.problem!.includes(there.provider.name));
  }
  const posted = async (language: string) => (await fetch(there.addresses.samlAcsUrl, { method: 'POST', body: new URLSearchParams({ SAMLResponse: 'x' }), headers: { 'accept-language': language } })).text();
  assert.match(await posted('de'), /wurde nicht hier begonnen oder ist vorbei/);
  assert.match(await posted('ur'), /dir="rtl"/);
});

fact('an answer that nobody asked for, of another provider, or too large for anything is not taken', async (deployment, idp) => {
  const [there, other] = [await SamlOrg.in(deployment, idp), await SamlOrg.in(deployment, idp)];
  const grace = there.employee();
  const { samlMetadataUrl: sp, samlAcsUrl: acs } = there.addresses;
  const unsolicited = await idp.unsolicited(sp, acs, { person: { nameId: grace.nameId } });
  const flow = await FederatedLogin.at(deployment);
  await there.comeBack(flow, { action: acs, fields: { SAMLResponse: unsolicited, RelayState: '' } });
  assert.equal(reasonOn(flow), 'NOT_BEGUN_HERE');
  // Of the same directory, for another org.
  await there.comeBack(flow, { ...(await other.answer(await FederatedLogin.at(deployment), other.employee())), action: acs });
  assert.equal(reasonOn(flow), 'NOT_BEGUN_HERE');
  const login = await FederatedLogin.at(deployment);
  const { fields: { RelayState } } = await there.answer(login, grace);
  const { fields: { SAMLResponse } } = await other.answer(await FederatedLogin.at(deployment), other.employee());
  await there.comeBack(login, { action: acs, fields: { SAMLResponse, RelayState } });
  assert.equal(reasonOn(login), 'WRONG_DESTINATION');
  const huge = await fetch(acs, { method: 'POST', body: new URLSearchParams({ SAMLResponse: 'A'.repeat(2_000_000) }) });
  assert.equal(huge.status, 413);
  for (const path of ['/saml2/x/acs', `/saml2/${crypto.randomUUID()}/metadata`]) assert.equal((await fetch(`${deployment.address}${path}`, { method: path.endsWith('acs') ? 'POST' : 'GET' })).status, 404);
  assert.equal((await fetch(acs)).status, 405);
});

fact('the metadata says what an administrator enters at the provider', async (deployment, idp) => {
  const { addresses } = await SamlOrg.in(deployment, idp);
  const answer = await fetch(addresses.samlMetadataUrl);
  assert.equal(answer.headers.get('content-type'), 'application/samlmetadata+xml');
  const metadata = await answer.text();
  for (const text of [`entityID="${addresses.samlMetadataUrl}"`, `Location="${addresses.samlAcsUrl}"`, 'AuthnRequestsSigned="true"', 'WantAssertionsSigned="true"', `HTTP-Redirect" Location="${addresses.samlLogoutUrl}"`, `HTTP-POST" Location="${addresses.samlLogoutUrl}"`]) assert.ok(metadata.includes(text), text);
});
