import assert from 'node:assert/strict';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment, until } from '@mainstay/testing';
import { AccountsService, ApiKeysService, OrgsService, Role, SessionsService } from '../contract/index.ts';

const password = 'correct horse battery';

const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};

async function newPerson(deployment: TestDeployment) {
  const email = `${crypto.randomUUID()}@example.org`;
  await (await deployment.client(AccountsService)).registerAccount({ email, password });
  const session = await (await deployment.client(SessionsService)).createSession({ email, password });
  return { email, ...session, apiKeys: await deployment.client(ApiKeysService, session.accessToken) };
}

everyTopology('an API key acts as its person until it is revoked', async (deployment) => {
  const { account, apiKeys } = await newPerson(deployment);
  const { apiKey, secret } = await apiKeys.createApiKey({ name: 'nightly import' });
  assert.match(secret, /^mst_[0-9a-f]{32}_[\w-]{43}$/);
  const accounts = await deployment.client(AccountsService, secret);
  assert.equal((await accounts.getAccount({ accountId: 'me' })).accountId, account!.accountId);
  assert.deepEqual((await apiKeys.listApiKeys({})).apiKeys.map(({ name }) => name), ['nightly import']);
  await apiKeys.revokeApiKey({ apiKeyId: apiKey!.apiKeyId });
  await assert.rejects(accounts.getAccount({ accountId: 'me' }), refusedWith('sys-core.API_KEY_INVALID'));
  assert.deepEqual((await apiKeys.listApiKeys({})).apiKeys, []);
});

everyTopology('a key that is changed, made up or misshapen is refused', async (deployment) => {
  const { secret } = await (await newPerson(deployment)).apiKeys.createApiKey({ name: 'key' });
  const changed = secret.slice(0, -1) + (secret.endsWith('A') ? 'Q' : 'A');
  for (const key of [changed, `mst_${'0'.repeat(32)}_${'x'.repeat(43)}`, 'mst_', 'mst_nothing_nothing', `${secret}x`]) {
    await assert.rejects((await deployment.client(AccountsService, key)).getAccount({ accountId: 'me' }), refusedWith('sys-core.API_KEY_INVALID'));
  }
});

everyTopology('a key stops when it expires', async (deployment) => {
  const { apiKeys } = await newPerson(deployment);
  await assert.rejects(apiKeys.createApiKey({ name: 'late', expireTime: timestampFromMs(Date.now() - 1000) }), refusedWith('kernel.INVALID_REQUEST'));
  const { secret } = await apiKeys.createApiKey({ name: 'short', expireTime: timestampFromMs(Date.now() + 2000) });
  const accounts = await deployment.client(AccountsService, secret);
  await accounts.getAccount({ accountId: 'me' });
  await until(() => accounts.getAccount({ accountId: 'me' }).then(() => false, refusedWith('sys-core.API_KEY_INVALID')), 'the key stops');
});

everyTopology('a key does not make keys', async (deployment) => {
  const { secret } = await (await newPerson(deployment)).apiKeys.createApiKey({ name: 'key' });
  await assert.rejects((await deployment.client(ApiKeysService, secret)).createApiKey({ name: 'another' }), refusedWith('sys-accounts.API_KEYS_ARE_FOR_PEOPLE'));
});

everyTopology("another person's key is not found", async (deployment) => {
  const [mine, theirs] = [await newPerson(deployment), await newPerson(deployment)];
  const { apiKey } = await theirs.apiKeys.createApiKey({ name: 'theirs' });
  await assert.rejects(mine.apiKeys.revokeApiKey({ apiKeyId: apiKey!.apiKeyId }), refusedWith('sys-accounts.API_KEY_NOT_FOUND'));
});

everyTopology('a key acts in the org it was made in, and ends with the membership', async (deployment) => {
  const root = await deployment.client(OrgsService, 'root@mainstay.test');
  const { orgId } = await root.createOrg({ org: { name: `Org ${crypto.randomUUID()}` } });
  const person = await newPerson(deployment);
  const { accountId } = await root.addMember({ orgId, email: person.email, role: Role.USER });
  const { accessToken } = await (await deployment.client(SessionsService)).createSession({ email: person.email, password, org: orgId });
  const { secret } = await (await deployment.client(ApiKeysService, accessToken)).createApiKey({ name: 'of the org' });
  assert.equal((await deployment.fetch(`/v1/orgs/${orgId}/projects`, { as: secret })).status, 200);
  const elsewhere = await deployment.fetch('/v1/accounts/me', { as: secret, headers: { 'mainstay-org': person.orgId } });
  assert.equal(elsewhere.status, 404);
  await root.removeMember({ orgId, accountId });
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: secret })).status, 401);
});

everyTopology('a lock stops the keys too', async (deployment) => {
  const { account, apiKeys } = await newPerson(deployment);
  const { secret } = await apiKeys.createApiKey({ name: 'key' });
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  await root.lockAccount({ accountId: account!.accountId, reason: 'a reason' });
  await assert.rejects((await deployment.client(AccountsService, secret)).getAccount({ accountId: 'me' }), refusedWith('sys-core.API_KEY_INVALID'));
});
