import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { JWTPayload } from 'jose';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { AccountsService } from '../../contract/index.ts';
import { Browser } from '../../testing/browser.ts';
import { craftedOrg, askThere } from '../../testing/federation/crafted-org.ts';
import type { Misbehaviour } from '../../testing/federation/crafted-provider.ts';
import { FederatedLogin } from '../../testing/federation/federated-login.ts';
import { password, Person } from '../../testing/people.ts';

const started: { stop(): void }[] = [];
after(() => started.forEach((server) => server.stop()));

async function crafted(deployment: TestDeployment, changes: object = {}) {
  const there = await craftedOrg(deployment, changes);
  started.push(there.external);
  return there;
}

const isPageThatGoesBack = ({ status, text }: { status: number; text: string }): boolean => status === 400 && text.includes('Back to the login');

everyTopology('an answer that is not what it must be logs nobody in, and the page leads back', async (deployment) => {
  const there = await crafted(deployment);
  const claims = (change: (claims: JWTPayload) => void): Misbehaviour => ({ claims: (right) => {
    change(right);
    return right;
  } });
  const wrongs: Record<string, Misbehaviour> = {
    'a wrong nonce': claims((right) => void (right.nonce = 'another')),
    'no nonce': claims((right) => void delete right.nonce),
    'a wrong issuer': claims((right) => void (right.iss = 'https://elsewhere.test')),
    'a wrong audience': claims((right) => void (right.aud = 'somebody else')),
    'a wrong authorized party': claims((right) => void Object.assign(right, { aud: ['mainstay', 'another'], azp: 'another' })),
    'an ID token that has expired': claims((right) => void (right.exp = right.iat! - 3600)),
    'no subject': claims((right) => void delete right.sub),
    'a key that is not shown': { wrongKey: true },
    'an answer of another issuer (RFC 9207)': { answer: (answer) => answer.set('iss', 'https://elsewhere.test') },
    'an answer without an issuer, of a provider that says that it names it': { answer: (answer) => answer.delete('iss') },
    'a code that it did not give': { answer: (answer) => answer.set('code', 'made up') },
    'two codes': { answer: (answer) => answer.append('code', 'another') },
    'an error': { answer: (answer) => (answer.delete('code'), answer.set('error', 'server_error')) },
    'userinfo of somebody else': { claims: ({ email: _, ...right }) => right, paths: { '/userinfo': (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"sub":"another","email":"x@y.test"}') } },
    'tokens that are no JSON': { paths: { '/token': (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{') } },
    'tokens that never end': { paths: { '/token': (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(`{"x":"${'x'.repeat(600_000)}"}`) } },
    'a redirection in place of tokens': { paths: { '/token': (_, response) => void response.writeHead(307, { location: '/elsewhere' }).end() } },
  };
  for (const [what, misbehaves] of Object.entries(wrongs)) {
    there.external.misbehaves = misbehaves;
    const flow = await there.through(there.somebody());
    assert.ok(isPageThatGoesBack(flow.page), `${what}: ${flow.page.status} ${flow.page.text}`);
    assert.match(flow.problem!, /did not answer as it should/, what);
  }
  there.external.misbehaves = {};
  const flow = await there.through(there.somebody());
  assert.ok(flow.page.text.includes('name="allow"'), 'what is right still works');
});

everyTopology('a person who says no there comes back to the login', async (deployment) => {
  const there = await crafted(deployment);
  there.external.misbehaves = { answer: (answer) => (answer.delete('code'), answer.set('error', 'access_denied'), answer.set('error_description', '<script>alert(1)</script>')) };
  const flow = await there.through(there.somebody());
  assert.match(flow.problem!, /You were not logged in/);
  assert.ok(!flow.page.text.includes('alert(1)'));
  there.external.misbehaves = {};
  await flow.submit({});
  assert.match(flow.page.text, /name="password"/);
  assert.ok((await flow.leave(`x@${there.org.domain}`)).startsWith(there.external.issuer));
});

everyTopology('a provider that is down, slow, huge, redirects or is another leads nowhere, and the login page stays', async (deployment) => {
  const document = '/.well-known/openid-configuration';
  const wrongs: Record<string, Misbehaviour['paths']> = {
    down: { [document]: (_, response) => void response.destroy() },
    slow: { [document]: () => {} },
    huge: { [document]: (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(`{"issuer":"${'x'.repeat(600_000)}"}`) },
    'a redirection': { [document]: (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end() },
    'of another issuer': { [document]: (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"issuer":"https://elsewhere.test","authorization_endpoint":"https://elsewhere.test/"}') },
    'with an endpoint that is no address': { [document]: (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(`{"issuer":"${there.external.issuer}","authorization_endpoint":"javascript:alert(1)"}`) },
  };
  const there = await crafted(deployment);
  for (const [what, paths] of Object.entries(wrongs)) {
    there.external.misbehaves = { paths: paths! };
    const flow = await FederatedLogin.at(deployment);
    await flow.submit({ email: `x@${there.org.domain}`, organization: 'yes' });
    assert.deepEqual([flow.page.status, /did not answer as it should/.test(flow.problem ?? ''), flow.page.text.includes('name="password"')], [401, true, true], what);
  }
  there.external.misbehaves = {};
  assert.ok((await there.through(there.somebody())).page.text.includes('name="allow"'), 'it is asked again');
});

everyTopology('an answer is good once, in the browser that began the login alone', async (deployment) => {
  const there = await crafted(deployment);
  const [own, attacker] = [await there.sentBack(there.somebody()), await there.sentBack(there.somebody())];
  // Login CSRF: the victim's browser is made to bring the attacker's answer.
  const forced = await own.flow.browser.open(attacker.back);
  assert.deepEqual([forced.status, /opened in another browser/.test(forced.text)], [400, true]);
  assert.match((await attacker.flow.comeBack(attacker.back)).text, /opened in another browser/, 'and it is used up');
  assert.match((await own.flow.comeBack(own.back)).text, /name="allow"/);
  assert.match((await new Browser(deployment.address).open(own.back)).text, /opened in another browser/, 'replayed');
  // Code injection: the code of one login in another.
  const [mine, theirs] = [await there.sentBack(there.somebody()), await there.sentBack(there.somebody())];
  const injected = new URL(mine.back);
  injected.searchParams.set('code', new URL(theirs.back).searchParams.get('code')!);
  assert.ok(isPageThatGoesBack(await mine.flow.comeBack(injected.href)));
  for (const state of ['', 'x', 'x'.repeat(43)]) {
    const made = new URL(theirs.back);
    made.searchParams.set('state', state);
    assert.equal((await theirs.flow.browser.open(made.href)).status, 400);
  }
  const twice = new URL(theirs.back);
  twice.searchParams.append('state', 'another');
  assert.equal((await theirs.flow.browser.open(twice.href)).status, 400);
  assert.equal((await theirs.flow.browser.open(theirs.back, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: '' })).status, 405);
  const untouched = await there.sentBack(there.somebody());
  assert.match((await untouched.flow.comeBack(untouched.back)).text, /name="allow"/);
});

everyTopology('an answer of one provider is not taken at the address of another (mix-up)', async (deployment) => {
  const [honest, evil] = [await crafted(deployment), await crafted(deployment)];
  const { flow, back } = await honest.sentBack(honest.somebody());
  const mixed = `${evil.provider.ownAddresses!.redirectUri}?${new URL(back).searchParams}`;
  assert.equal((await flow.browser.open(mixed)).status, 400);
  assert.ok(!evil.external.asked.includes('/token'), 'nobody was shown the code');
  assert.match((await flow.comeBack(back)).text, /name="allow"/);
});

everyTopology('of eight that bring one answer at once one is logged in, and eight first logins of one person make one account', async (deployment) => {
  const there = await crafted(deployment);
  const { flow, back } = await there.sentBack(there.somebody());
  const shown = await Promise.all(Array.from({ length: 8 }, () => flow.browser.open(back)));
  assert.equal(shown.filter(({ text }) => text.includes('name="allow"')).length, 1, shown.map(({ status }) => status).join());
  const who = there.somebody();
  const logins = [];
  for (let at = 0; at < 8; at++) logins.push(await there.sentBack(who));
  await Promise.all(logins.map(({ flow: one, back: address }) => one.comeBack(address)));
  const ended = await Promise.all(logins.map(({ flow: one }) => one.end()));
  assert.deepEqual([new Set(ended.map(({ accountId }) => accountId)).size, ended[0]!.email], [1, who.email]);
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  assert.equal((await root.listAccounts({ search: who.email })).accounts.length, 1);
});

everyTopology('nobody gets the account of another by an address that the provider makes up or has not verified', async (deployment) => {
  const there = await crafted(deployment);
  const victim = await Person.in(deployment, `${crypto.randomUUID()}@${there.org.domain}`);
  const stranger = await Person.in(deployment);
  const unverified = await there.through(there.somebody({ email: victim.email, email_verified: false }));
  assert.match(unverified.problem!, /no e-mail address of yours that it has verified/);
  for (const email of [undefined, 'no address', `x@${there.org.domain}\n`, `a b@${there.org.domain}`]) assert.match((await there.through(there.somebody({ email }))).problem!, /no e-mail address/, email ?? 'none');
  await unverified.submit({});
  assert.match(unverified.page.text, /name="password"/, 'back at the login');
  const claimed = await there.through(there.somebody({ email: victim.email }));
  assert.match(claimed.page.text, /Link your account/);
  // The attacker has an account, and its password; it is not that one which is to be linked.
  await claimed.submit({ email: stranger.email, password: 'not that of the victim' });
  assert.match(claimed.problem!, /wrong/);
  // Of addresses elsewhere nobody learns whether there is an account.
  const texts = [];
  for (const email of [stranger.email, `${crypto.randomUUID()}@example.org`]) {
    const outside = await there.through(there.somebody({ email }));
    texts.push(outside.page.text.replaceAll(email, '…').replaceAll(/interaction\/[\w-]+/g, '…'));
  }
  assert.equal(texts[0], texts[1]);
  const outside = await there.through(there.somebody({ email: stranger.email }));
  await outside.submit({ password });
  assert.match(outside.problem!, /no member of the organization/, 'an org speaks for its members alone');
});

everyTopology('what is under way in one page of a browser does not end another, and leads nowhere else', async (deployment) => {
  const there = await crafted(deployment);
  const first = await there.sentBack(there.somebody());
  const second = await FederatedLogin.at(deployment, {}, first.flow.browser);
  await first.flow.browser.open(`${second.page.url}?external=${crypto.randomUUID()}`).then(({ text }) => assert.match(text, /has expired or is done/));
  await first.flow.browser.open(`${second.page.url}?external=//evil.test`).then(({ text }) => assert.match(text, /has expired or is done/));
  const answered = await fetch(first.back, { redirect: 'manual' });
  const location = new URL(answered.headers.get('location')!);
  assert.deepEqual([answered.status, location.origin], [303, deployment.address]);
  const elsewhere = `${second.page.url}?external=${location.searchParams.get('external')}`;
  assert.match((await first.flow.browser.open(elsewhere)).text, /has expired or is done/, 'it is of another page');
  assert.match((await first.flow.comeBack(location.href)).text, /name="allow"/);
});

everyTopology('what a person typed, or another org has, chooses no provider', async (deployment) => {
  const [there, other] = [await crafted(deployment), await crafted(deployment)];
  const flow = await FederatedLogin.at(deployment);
  await flow.submit({ email: 'somebody@nobodys.test', organization: 'yes' });
  assert.match(flow.problem!, /no organization lets people whose address is at nobodys.test/);
  await flow.submit({ email: '', organization: 'yes' });
  assert.match(flow.problem!, /enter your e-mail address first/);
  const body = new URLSearchParams({ email: `x@${there.org.domain}`, provider: other.provider.identityProviderId }).toString();
  const chosen = await flow.browser.open(flow.page.url, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' } });
  assert.ok(!chosen.text.includes(other.external.issuer));
  const hinted = await FederatedLogin.at(deployment, { login_hint: `x@${there.org.domain}` });
  assert.match(hinted.page.text, new RegExp(`Log in with ${there.provider.name}`));
  const address = await hinted.submit({ provider: there.provider.identityProviderId });
  assert.ok(address.text.includes(there.external.issuer));
  assert.ok(await askThere(there.external.issuer, there.external, {}) === null);
});
