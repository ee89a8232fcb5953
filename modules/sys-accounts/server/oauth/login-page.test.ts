import assert from 'node:assert/strict';
import { everyTopology } from '@mainstay/testing';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { assurance } from '../../contract/index.ts';
import { Browser } from '../../testing/browser.ts';
import { authorize, discover, newClient, redeem } from '../../testing/oauth-client.ts';
import { password, Person } from '../../testing/people.ts';

everyTopology('who has a second factor shows it at the pages too, unless the device is remembered', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment);
  const person = await Person.in(deployment);
  const { app, recoveryCodes } = await person.addTotp();
  const browser = new Browser(deployment.address);
  const opened = await authorize(deployment, provider, made, { login_hint: person.email }, browser, false);
  const second = await browser.submit(opened.page, { email: person.email, password });
  assert.equal(new URL(second.url).origin, deployment.address, 'not by the password alone');
  const wrong = await browser.submit(second, { totp: app.oldCode() });
  assert.deepEqual([wrong.status, /role="alert"/.test(wrong.text)], [401, true]);
  let page = await browser.submit(wrong, { totp: app.code(), remember: 'yes' });
  page = await browser.submit(page, { allow: 'yes' });
  const tokens = await oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, { ...opened, page }), { expectedNonce: 'n-1' });
  const { acr, amr } = oauth.getValidatedIdTokenClaims(tokens)!;
  assert.deepEqual([acr, (amr as string[]).toSorted()], [assurance.twoFactors, ['mfa', 'otp', 'pwd']]);

  const again = await authorize(deployment, provider, made, { prompt: 'login' }, browser, false);
  const remembered = await browser.submit(again.page, { email: person.email, password });
  assert.match(remembered.url + remembered.text, /code=|name="allow"/, 'the device is remembered');
  const surely = await authorize(deployment, provider, made, { acr_values: assurance.twoFactors }, browser, false);
  assert.match(surely.page.text, /name="password"/, 'two factors are wanted, and one was shown');
  const asked = await browser.submit(surely.page, { email: person.email, password });
  const sure = await browser.submit(asked, { recovery: recoveryCodes[0]! });
  const stepped = await oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, { ...surely, page: sure.text.includes('name="allow"') ? await browser.submit(sure, { allow: 'yes' }) : sure }), { expectedNonce: 'n-1' });
  assert.equal(oauth.getValidatedIdTokenClaims(stepped)!.acr, assurance.twoFactors);
});

everyTopology('a passkey alone logs in at the pages, and the session says how', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment);
  const person = await Person.in(deployment);
  const { authenticator } = await person.addPasskey();
  const browser = new Browser(deployment.address);
  const opened = await authorize(deployment, provider, made, { scope: 'openid api' }, browser, false);
  // As the script of the page does.
  const begun = await deployment.fetch('/v1/sessions:beginPasskeyLogin', { body: {} });
  const { loginToken, passkeyOptions } = await begun.json() as { loginToken: string; passkeyOptions: string };
  const page = await browser.submit(await browser.submit(opened.page, { passkey: authenticator.get(passkeyOptions), login_token: loginToken, passkey_options: passkeyOptions }), { allow: 'yes' });
  const { access_token: token } = await oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, { ...opened, page }), { expectedNonce: 'n-1' });
  assert.equal(decodeJwt(token).sub, person.accountId);
  const { sessions } = await (await deployment.fetch('/v1/sessions', { as: token })).json() as { sessions: { current: boolean; acr: string; amr: string[] }[] };
  const { acr, amr } = sessions.find(({ current }) => current)!;
  assert.deepEqual([acr, amr.includes('pwd')], [assurance.twoFactors, false]);
});

everyTopology('a login that failed too often, or is too old, begins again', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment);
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const browser = new Browser(deployment.address);
  const { page } = await authorize(deployment, provider, made, {}, browser, false);
  let shown = await browser.submit(page, { email: person.email, password });
  for (let tries = 0; tries < 7 && shown.text.includes('name="totp"'); tries++) shown = await browser.submit(shown, { totp: app.oldCode() });
  assert.match(shown.text, /name="password"/);
  assert.match(shown.text, /role="alert"/);
});
