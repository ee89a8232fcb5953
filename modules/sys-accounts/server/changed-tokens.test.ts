import assert from 'node:assert/strict';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import * as oauth from 'oauth4webapi';
import { ApiKeysService, ClientGrant, EmailChangeService, InvitationsService, OrgsService, RecoveryService, Role } from '../contract/index.ts';
import { mailTo, tokenTo } from '../testing/mail.ts';
import { authorize, discover, insecure, newClient, redeem } from '../testing/oauth-client.ts';
import { password, Person, recovery } from '../testing/people.ts';

const root = 'root@mainstay.test';
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A token with one character changed here and there, with every other last character that leaves the same bytes where a decoder is lenient, cut off, and with more. */
function changesOf(token: string): string[] {
  const last = token.length - 1;
  const marks = [...token.matchAll(/[._]/g)].flatMap(({ index }) => [index - 1, index, index + 1]).slice(0, 9);
  const places = new Set([0, 1, ...marks, Math.floor(last / 3), Math.floor(last / 2), last - 1].filter((at) => at >= 0 && at < last));
  const at = alphabet.indexOf(token[last]!);
  const lasts = at < 0 ? [] : Array.from({ length: 15 }, (_, bits) => alphabet[at ^ (bits + 1)]!);
  const changed = [...places].map((place) => token.slice(0, place) + (token[place] === 'b' ? 'c' : 'b') + token.slice(place + 1));
  return [...changed, ...lasts.map((one) => token.slice(0, last) + one), token.slice(0, last), `${token}A`, `${token}=`];
}

/** Nothing but the token itself is taken; of one that is good once, that shows last. */
async function onlyItself(token: string, isTaken: (token: string) => Promise<boolean>): Promise<void> {
  for (const changed of changesOf(token)) assert.equal(await isTaken(changed), false, `${changed} in place of ${token}`);
  assert.equal(await isTaken(token), true, token);
}

/** Whether a call succeeds; what is not taken is refused, and nothing fails. */
const succeeds = async (call: Promise<unknown>): Promise<boolean> =>
  call.then(() => true, (error: unknown) => {
    assert.doesNotMatch(String(error), /\[(internal|unknown|unavailable)\]/);
    return false;
  });

const isTold = (deployment: TestDeployment, path: string) => async (as: string): Promise<boolean> => {
  const { status } = await deployment.fetch(path, { as });
  assert.ok(status === 200 || status === 401, `${path} answered ${status}`);
  return status === 200;
};

everyTopology('no token of a login is good with a changed character', async (deployment) => {
  const person = await Person.in(deployment);
  const [sessions, tokens] = [await person.sessions(), await person.logIn()];
  await onlyItself(tokens.accessToken, isTold(deployment, '/v1/accounts/me'));
  await onlyItself(tokens.refreshToken, (refreshToken) => succeeds(sessions.refreshSession({ refreshToken })));
  const { secret: key } = await (await deployment.client(ApiKeysService, person.accessToken)).createApiKey({ name: 'robot' });
  await onlyItself(key, isTold(deployment, '/v1/accounts/me'));
  const { recoveryCodes } = await person.addTotp();
  const { challenge } = await person.logIn();
  let deviceToken = '';
  await onlyItself(challenge!.loginToken, (loginToken) => succeeds(sessions.continueLogin({ loginToken, proof: recovery(recoveryCodes[0]!), rememberDevice: true }).then((last) => (deviceToken = last.deviceToken))));
  await onlyItself(deviceToken, async (changed) => (await person.logIn({ deviceToken: changed })).challenge === undefined);
});

everyTopology('no link in an e-mail is good with a changed character', async (deployment) => {
  const person = await Person.in(deployment);
  const changes = await deployment.client(EmailChangeService, person.accessToken);
  await changes.beginEmailChange({ accountId: 'me', newEmail: `${crypto.randomUUID()}@example.org`, password });
  const [agree, cancel] = (await mailTo(deployment, person.email, 'address-change-old')).tokens as [string, string];
  await onlyItself(agree, (token) => succeeds(changes.confirmEmailChange({ token })));
  await onlyItself(cancel, (token) => succeeds(changes.cancelEmailChange({ token })));
  const resets = await deployment.client(RecoveryService);
  await resets.requestPasswordReset({ email: person.email });
  await onlyItself(await tokenTo(deployment, person.email, 'password-reset'), (token) => succeeds(resets.resetPassword({ token, newPassword: 'seven lukewarm teapots' })));
  const { orgId } = await (await deployment.client(OrgsService, root)).createOrg({ org: { name: crypto.randomUUID() } });
  const invitations = await deployment.client(InvitationsService, root);
  const invited = `${crypto.randomUUID()}@example.org`;
  await invitations.createInvitation({ orgId, email: invited, role: Role.USER });
  await onlyItself(await tokenTo(deployment, invited, 'invitation'), (token) => succeeds(invitations.lookAtInvitation({ token })));
});

everyTopology('nothing that the provider of OpenID Connect gives is good with a changed character', async (deployment) => {
  const provider = await discover(deployment);
  const service = await newClient(deployment, { grants: [ClientGrant.CLIENT_CREDENTIALS], redirectUris: [], serviceRole: Role.USER });
  const token = async (auth: oauth.ClientAuth) => (await oauth.clientCredentialsGrantRequest(provider, service.client, auth, { scope: 'api' }, insecure)).json() as Promise<{ access_token?: string }>;
  const introspect = async (of: string) => (await (await oauth.introspectionRequest(provider, service.client, service.auth, of, insecure)).json()) as { active: boolean };
  const { access_token: own } = await token(service.auth);
  await onlyItself(own!, isTold(deployment, '/v1/promises'));
  await onlyItself(own!, async (changed) => (await introspect(changed)).active);
  await onlyItself(service.secret, async (secret) => (await token(oauth.ClientSecretBasic(secret))).access_token !== undefined);

  const made = await newClient(deployment, { grants: [ClientGrant.AUTHORIZATION_CODE] });
  const arrived = await authorize(deployment, provider, made, { scope: 'openid email offline_access', prompt: 'consent' });
  const callback = new URL(arrived.page.url);
  let given: { access_token?: string; refresh_token?: string; id_token?: string } = {};
  await onlyItself(callback.searchParams.get('code')!, async (code) => {
    callback.searchParams.set('code', code);
    given = (await (await redeem(provider, made, { ...arrived, page: { ...arrived.page, url: callback.href } })).json()) as typeof given;
    return given.access_token !== undefined;
  });
  await onlyItself(given.access_token!, async (opaque) => (await oauth.userInfoRequest(provider, made.client, opaque, insecure)).status === 200);
  await onlyItself(given.refresh_token!, async (refresh) => (await oauth.refreshTokenGrantRequest(provider, made.client, made.auth, refresh, insecure)).status === 200);
});
