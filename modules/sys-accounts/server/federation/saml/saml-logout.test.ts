import assert from 'node:assert/strict';
import { after } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { decodeJwt } from 'jose';
import { FederatedLogin, leadsTo } from '../../../testing/federation/federated-login.ts';
import { SamlOrg, type Employee } from '../../../testing/federation/saml-org.ts';
import { serveLocal } from '../../../testing/federation/serve-local.ts';
import { startSamlIdp, withoutSaml, type SamlIdp } from '../../../testing/judges/saml-idp.ts';

let starting: Promise<SamlIdp> | undefined;
after(async () => (await starting)?.stop());

/** A fact about logouts of people who logged in at pysaml2. */
const fact = (name: string, run: (deployment: TestDeployment, idp: SamlIdp) => Promise<void>) => everyTopology(name, async (deployment) => run(deployment, await (starting ??= startSamlIdp())), { skip: withoutSaml });

/** Logs somebody in under a session index of the provider. */
async function loggedIn(there: SamlOrg, employee: Employee, sessionIndex: string) {
  const login = await there.logIn(employee, { what: { sessionIndex } });
  return { login, ...(await login.end()) };
}

const isOpen = async (deployment: TestDeployment, accessToken: string): Promise<boolean> => (await deployment.fetch('/v1/accounts/me', { as: accessToken })).status === 200;
const isOver = (deployment: TestDeployment, accessToken: string): Promise<boolean> => until(async () => !(await isOpen(deployment, accessToken)), 'the session is over');

fact('who logs out here is logged out at the provider too, and goes on to where the client wants them', async (deployment, idp) => {
  const there = await SamlOrg.in(deployment, idp);
  const grace = there.employee();
  const { login, accessToken } = await loggedIn(there, grace, 's-1');
  const asked = await login.browser.open('/oauth2/logout');
  const page = await login.browser.submit(asked, { logout: 'yes' });
  const address = leadsTo(page);
  assert.ok(address.startsWith(`${idp.logoutUrl}?`), address);
  const { headers } = await fetch(address, { redirect: 'manual' });
  const told = (await idp.told()).findLast(({ request }) => request === 'LogoutRequest')!;
  assert.deepEqual([told.nameId, told.sessionIndexes], [grace.nameId, ['s-1']]);
  const back = headers.get('location')!;
  assert.ok(back.startsWith(`${there.addresses.samlLogoutUrl}?`), back);
  const shown = await login.browser.open(back);
  assert.match(shown.text, /You are logged out/);
  await isOver(deployment, accessToken);
  // What came back is good once.
  assert.match((await login.browser.open(back)).text, /SAML_NOT_BEGUN_HERE/);
});

fact('who logs out at the provider is logged out here, in the browsers of that session, and the client is told', async (deployment, idp) => {
  const there = await SamlOrg.in(deployment, idp);
  const grace = there.employee();
  const [first, second, third] = [await loggedIn(there, grace, 's-1'), await loggedIn(there, grace, 's-2'), await loggedIn(there, grace, 's-3')];
  const destination = there.addresses.samlLogoutUrl;
  const { url } = await idp.logOut({ destination, nameId: grace.nameId, sessionIndexes: ['s-1'] });
  const back = await first.login.browser.open(url);
  assert.ok(back.url.startsWith(`${idp.logoutUrl}?`), back.text);
  await fetch(back.url);
  assert.match(String((await idp.told()).findLast(({ request }) => request === 'LogoutResponse')!.status), /Success$/);
  await isOver(deployment, first.accessToken);
  assert.ok(await isOpen(deployment, second.accessToken));
  // The browser has to log in again.
  const again = await FederatedLogin.at(deployment, { prompt: 'none' }, first.login.browser);
  assert.match(again.page.url, /error=login_required/);
  const { fields } = await idp.logOut({ destination, nameId: grace.nameId, binding: 'post' });
  const posted = await second.login.browser.postFrom(idp.address, destination, fields);
  assert.ok(posted.url.startsWith(`${idp.logoutUrl}?`), posted.text);
  await isOver(deployment, second.accessToken);
  await isOver(deployment, third.accessToken);
});

fact('a logout that is not proven, for somebody else, or old ends nothing', async (deployment, idp) => {
  const there = await SamlOrg.in(deployment, idp);
  const grace = there.employee();
  const { accessToken } = await loggedIn(there, grace, 's-1');
  const destination = there.addresses.samlLogoutUrl;
  const logOut = (wrong: object) => idp.logOut({ destination, nameId: grace.nameId, ...wrong });
  const refused = async (answer: Response, reason: string) => {
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), new RegExp(`SAML_${reason}`));
  };
  const redirected: [object, string][] = [[{ key: 'foreign' }, 'NOT_SIGNED'], [{ sha1: true }, 'WEAK_ALGORITHM'], [{ destination: 'https://other.test/logout', url: destination }, 'WRONG_DESTINATION'], [{ until: -600 }, 'OUT_OF_TIME'], [{ issuer: 'https://other.test/idp' }, 'WRONG_ISSUER']];
  for (const [wrong, reason] of redirected) await refused(await fetch((await logOut(wrong)).url, { redirect: 'manual' }), reason);
  const { url } = await logOut({});
  const [other] = await Promise.all([logOut({ nameId: 'somebody' })]);
  const evil = new URL(other.url).searchParams.get('SAMLRequest')!;
  // One of two would be verified, and the other read.
  for (const twice of [`${url}&SAMLRequest=${encodeURIComponent(evil)}`, url.replace('?', `?SAMLRequest=${encodeURIComponent(evil)}&`), url.replace(/&Signature=.*/, '&SAMLResponse=x&Signature=x')]) await refused(await fetch(twice, { redirect: 'manual' }), 'UNREADABLE');
  await refused(await fetch(url.replace(/&SigAlg=.*/, ''), { redirect: 'manual' }), 'NOT_SIGNED');
  await refused(await fetch(url.replace('RelayState=r1', 'RelayState=r2'), { redirect: 'manual' }), 'NOT_SIGNED');
  await refused(await fetch(`${destination}?SAMLRequest=${encodeURIComponent(evil.slice(20))}`, { redirect: 'manual' }), 'UNREADABLE');
  const bomb = deflateRawSync(Buffer.alloc(8_000_000, 'a')).toString('base64');
  await refused(await fetch(`${destination}?SAMLRequest=${encodeURIComponent(bomb)}`, { redirect: 'manual' }), 'UNREADABLE');
  const post = (fields: Record<string, string>) => fetch(destination, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  for (const [wrong, reason] of [[{ unsigned: true }, 'NOT_SIGNED'], [{ key: 'foreign' }, 'NOT_SIGNED'], [{ nameId: 'somebody', tamper: grace.nameId }, 'NOT_SIGNED']] as const) await refused(await post((await logOut({ binding: 'post', ...wrong })).fields), reason);
  assert.ok(await isOpen(deployment, accessToken));
});

fact('a client is told of a logout that began at the provider', async (deployment, idp) => {
  const told: string[] = [];
  const client = await serveLocal((request, response) => {
    request.on('data', (chunk: Buffer) => told.push(new URLSearchParams(chunk.toString()).get('logout_token')!)).on('end', () => response.writeHead(200).end());
  });
  try {
    const there = await SamlOrg.in(deployment, idp);
    const grace = there.employee();
    const flow = await FederatedLogin.at(deployment, {}, undefined, { backchannelLogoutUri: `${client.address}/over` });
    const { accountId } = await (await there.logIn(grace, { flow, what: { sessionIndex: 's-1' } })).end();
    const { url } = await idp.logOut({ destination: there.addresses.samlLogoutUrl, nameId: grace.nameId, sessionIndexes: ['s-1'] });
    await fetch(url, { redirect: 'manual' });
    const token = await until(() => told[0], 'the client is told');
    assert.equal(decodeJwt(token).sub, accountId);
  } finally {
    client.stop();
  }
});
