import assert from 'node:assert/strict';
import { everyTopology } from '@mainstay/testing';
import * as oauth from 'oauth4webapi';
import { Browser } from '../../testing/browser.ts';
import { ada, authorize, discover, insecure, password, redirectUri } from '../../testing/oauth-client.ts';

const pages = { client: { client_id: 'mainstay-pages' } };

everyTopology('who logs in for a page of the deployment is sent back to it and asked for nothing more', async (deployment) => {
  const provider = await discover(deployment);
  const address = new URL('/apps/sys-accounts/signed-in.html', provider.issuer).href;
  const params = { redirect_uri: address, scope: 'openid email api' };
  const begun = await authorize(deployment, provider, pages, params, new Browser(deployment.address), false);
  const back = await begun.browser.submit(begun.page, { email: ada, password });
  assert.ok(back.url.startsWith(`${address}?`), back.url);
  const { verifier, page } = await authorize(deployment, provider, pages, params, begun.browser, false);
  const code = oauth.validateAuthResponse(provider, pages.client, new URL(page.url), 'xyz');
  const answer = await oauth.authorizationCodeGrantRequest(provider, pages.client, oauth.None(), code, address, verifier, insecure);
  const { access_token: token, refresh_token: refresh } = (await answer.json()) as { access_token: string; refresh_token?: string };
  assert.equal((await deployment.fetch('/v1/oauthClients', { as: token })).status, 403, 'a user of the org does not look after its clients');
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: token })).status, 200);
  assert.equal(refresh, undefined);
});

everyTopology('nobody else gets the codes of the pages', async (deployment) => {
  const provider = await discover(deployment);
  const { page } = await authorize(deployment, provider, pages, { redirect_uri: redirectUri }, new Browser(deployment.address), false);
  assert.equal(page.status, 400);
  assert.match(page.text, /redirect_uri/);
});

everyTopology('the page for OAuth clients is there, with all that it loads', async (deployment) => {
  const read = async (path: string) => {
    const response = await deployment.fetch(path);
    assert.equal(response.status, 200, path);
    return response.text();
  };
  const page = await read('/apps/sys-accounts/clients');
  for (const [, path] of page.matchAll(/(?:href|src)="(\/[^"]+)"/g)) await read(path!);
  assert.match(await read('/apps/sys-accounts/clients.js'), /from '\.\/sign-in\.js'/);
  await read('/apps/sys-accounts/sign-in.js');
  assert.match(await read('/'), /href="\/apps\/sys-accounts\/clients"/);
});
