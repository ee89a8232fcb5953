import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Code, ConnectError, createClient, type Client } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { reasonOf } from '@mainstay/kernel';
import { NotificationsService, PromisesService } from '@mainstay/mod-promist/contract';
import { AccountsService, ApiKeysService, OrgsService, Role, SessionsService } from '@mainstay/sys-accounts/contract';
import { everyTopology, type TestDeployment } from './index.ts';

const password = 'mainstay-demo';

/** A new member of Acme, signed in, and what an administrator does to them. */
async function newMember(deployment: TestDeployment) {
  const email = `${randomUUID()}@acme.test`;
  const anyone = createGrpcTransport({ baseUrl: deployment.address });
  const { accountId } = await createClient(AccountsService, anyone).registerAccount({ email, password });
  const olga = await deployment.client(OrgsService, 'olga@acme.test');
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  const { orgs } = await olga.listOrgs({});
  const { orgId } = orgs.find(({ name }) => name === 'Acme')!;
  await olga.addMember({ orgId, email, role: Role.USER });
  const { accessToken, sessionId } = await createClient(SessionsService, anyone).createSession({ email, password, org: orgId });
  return { email, accountId, orgId, olga, root, token: accessToken, sessionId };
}

type Member = Awaited<ReturnType<typeof newMember>>;

/** What ends somebody's right to list the promises of an org, at once. */
const endings: Record<string, { end: (member: Member, deployment: TestDeployment) => Promise<unknown>; then: Code }> = {
  'the account is locked': { end: ({ root, accountId }) => root.lockAccount({ accountId, reason: 'test' }), then: Code.Unauthenticated },
  'the session ends': { end: async ({ token, sessionId }, deployment) => (await deployment.client(SessionsService, token)).deleteSession({ sessionId }), then: Code.Unauthenticated },
  'another session changes the password': {
    end: async ({ email }, deployment) => {
      const { accessToken } = await (await deployment.client(SessionsService)).createSession({ email, password });
      return (await deployment.client(AccountsService, accessToken)).changePassword({ accountId: 'me', currentPassword: password, newPassword: 'mainstay-demo-2' });
    },
    then: Code.Unauthenticated,
  },
  'the account is closed': { end: async ({ token }, deployment) => (await deployment.client(AccountsService, token)).closeAccount({ accountId: 'me', password }), then: Code.Unauthenticated },
  'the member is removed': { end: ({ olga, orgId, accountId }) => olga.removeMember({ orgId, accountId }), then: Code.NotFound },
};

/** A client that acts in the member's org with the token of before. */
function actingIn(deployment: TestDeployment, { orgId }: Member, token: string): Client<typeof PromisesService> {
  const transport = createGrpcTransport({
    baseUrl: deployment.address,
    interceptors: [(next) => (request) => {
      request.header.set('authorization', `Bearer ${token}`);
      request.header.set('mainstay-org', orgId);
      return next(request);
    }],
  });
  return createClient(PromisesService, transport);
}

for (const [what, { end, then }] of Object.entries(endings)) {
  everyTopology(`the very next call is refused when ${what}, also among many`, async (deployment) => {
    const member = await newMember(deployment);
    const promises = actingIn(deployment, member, member.token);
    await promises.listPromises({});
    let over = false;
    // Calls under way all the while keep what is remembered about the session fresh.
    const load = Array.from({ length: 8 }, async () => {
      while (!over) await promises.listPromises({}).catch(() => {});
    });
    await end(member, deployment);
    const error = await promises.listPromises({}).then(() => undefined, ConnectError.from);
    over = true;
    await Promise.all(load);
    assert.equal(error?.code, then, `${error}`);
  });

  everyTopology(`an open stream ends when ${what}`, async (deployment) => {
    const member = await newMember(deployment);
    const notifications = createClient(NotificationsService, createGrpcTransport({
      baseUrl: deployment.address,
      interceptors: [(next) => (request) => {
        request.header.set('authorization', `Bearer ${member.token}`);
        request.header.set('mainstay-org', member.orgId);
        return next(request);
      }],
    }));
    const watching = Array.fromAsync(notifications.watchNotifications({}, { timeoutMs: 20_000 })).then(() => undefined, ConnectError.from);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await end(member, deployment);
    const error = await watching;
    assert.equal(error?.code, then, `${error}`);
  });

  everyTopology(`a WebSocket hears of it when ${what}`, async (deployment) => {
    const member = await newMember(deployment);
    const socket = new WebSocket(`${deployment.address.replace('http', 'ws')}/v1/socket`);
    const ended = new Promise<string>((resolve, reject) => {
      socket.onerror = () => reject(new Error('no WebSocket'));
      socket.onopen = () => {
        socket.send(JSON.stringify({ id: '1', call: 'mod.promist.v1.NotificationsService/WatchNotifications', headers: { authorization: `Bearer ${member.token}`, 'mainstay-org': member.orgId }, message: {} }));
        setTimeout(() => void end(member, deployment).catch(reject), 200);
      };
      socket.onmessage = ({ data }) => { if (String(data).includes('error')) resolve(String(data)); };
    });
    const timer = setTimeout(() => socket.close(), 20_000);
    assert.match(await ended, /SESSION_ENDED|ORG_NOT_FOUND/);
    clearTimeout(timer);
    socket.close();
  });
}

everyTopology('a role that was taken or given counts from the next call on', async (deployment) => {
  const member = await newMember(deployment);
  const orgs = await deployment.client(OrgsService, member.token);
  const rename = () => orgs.createProject({ orgId: member.orgId, project: { name: randomUUID() } }).then(() => true, () => false);
  for (let turn = 0; turn < 5; turn++) {
    assert.equal(await rename(), false);
    await member.olga.grantRole({ orgId: member.orgId, accountId: member.accountId, role: Role.ADMIN });
    assert.equal(await rename(), true);
    await member.olga.revokeRole({ orgId: member.orgId, accountId: member.accountId, role: Role.ADMIN });
  }
});

everyTopology('an API key is refused from the call on that follows its end', async (deployment) => {
  const member = await newMember(deployment);
  const keys = await deployment.client(ApiKeysService, member.token);
  const { apiKey, secret } = await keys.createApiKey({ name: 'test' });
  const promises = actingIn(deployment, member, secret);
  await promises.listPromises({});
  await keys.revokeApiKey({ apiKeyId: apiKey!.apiKeyId });
  await assert.rejects(promises.listPromises({}), (error) => reasonOf(error) === 'sys-core.API_KEY_INVALID');
});

everyTopology('an API key acts in its own org alone', async (deployment) => {
  const member = await newMember(deployment);
  const keys = await deployment.client(ApiKeysService, member.token);
  const { secret } = await keys.createApiKey({ name: 'test' });
  const { personalOrgId } = await (await deployment.client(AccountsService, member.token)).getAccount({ accountId: 'me' });
  await assert.rejects(actingIn(deployment, { ...member, orgId: personalOrgId }, secret).listPromises({}), (error) => reasonOf(error) === 'sys-core.ORG_NOT_FOUND');
  assert.equal(ConnectError.from(await (await deployment.client(ApiKeysService, secret)).createApiKey({ name: 'more' }).catch((error: unknown) => error)).code, Code.PermissionDenied);
});

everyTopology('no path of the API gives a role of the platform', async (deployment) => {
  const member = await newMember(deployment);
  const { orgId, accountId, email } = member;
  const actors = ['olga@acme.test', 'ops@mainstay.test', 'root@mainstay.test', member.token];
  for (const as of actors) {
    const [orgs, accounts] = [await deployment.client(OrgsService, as), await deployment.client(AccountsService, as)];
    const own = (await accounts.getAccount({ accountId: 'me' })).accountId;
    for (const role of [Role.GUEST, Role.OPS, Role.SUPERADMIN, Role.ROLE_UNSPECIFIED, 6, 99, -1, 2 ** 31 - 1] as Role[]) {
      for (const target of [accountId, own]) {
        await assert.rejects(orgs.grantRole({ orgId, accountId: target, role }));
        await assert.rejects(orgs.grantRole({ orgId: '', accountId: target, role }));
      }
      await assert.rejects(orgs.addMember({ orgId, email, role }));
    }
    const roles = [{ role: Role.SUPERADMIN }, { role: Role.OPS }];
    for (const paths of [[], ['roles'], ['*']]) await accounts.updateAccount({ account: { accountId: 'me', displayName: 'x', roles }, updateMask: { paths } }).catch(() => {});
    // As JSON a role may come by name or by number, and fields that a message does not have.
    for (const role of ['SUPERADMIN', 5, 'OPS', '5']) {
      await deployment.fetch(`/v1/orgs/${orgId}/members/${accountId}:grantRole`, { as, body: { role } });
      await deployment.fetch('/v1/accounts/me', { as, method: 'PATCH', body: { displayName: 'x', roles: [{ role }] } });
      await deployment.fetch('/v1/accounts', { body: { email: `${randomUUID()}@x.test`, password, roles: [{ role }], role } });
    }
  }
  await deployment.restart();
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  for (let pageToken = ''; ;) {
    const page = await root.listAccounts({ pageToken, pageSize: 100 });
    const platform = page.accounts.filter(({ roles }) => roles.some(({ role }) => role === Role.SUPERADMIN || role === Role.OPS));
    for (const account of platform) assert.ok(['root@mainstay.test', 'ops@mainstay.test'].includes(account.email), account.email);
    if (!(pageToken = page.nextPageToken)) break;
  }
});

everyTopology('an administrator of a project gives roles in that project alone', async (deployment) => {
  const member = await newMember(deployment);
  const { olga, orgId, accountId } = member;
  const [mine, other] = await Promise.all([1, 2].map(async () => (await olga.createProject({ orgId, project: { name: randomUUID() } })).projectId));
  await olga.grantRole({ orgId, accountId, role: Role.ADMIN, projectId: mine });
  const orgs = await deployment.client(OrgsService, member.token);
  await orgs.grantRole({ orgId, accountId, role: Role.USER, projectId: mine });
  for (const projectId of ['', other!, randomUUID()]) {
    await assert.rejects(orgs.grantRole({ orgId, accountId, role: Role.ADMIN, projectId }), (error) => reasonOf(error) === 'kernel.PERMISSION_DENIED');
    await assert.rejects(orgs.revokeRole({ orgId, accountId, role: Role.USER, projectId }), (error) => reasonOf(error) === 'kernel.PERMISSION_DENIED');
  }
  await assert.rejects(orgs.addMember({ orgId, email: 'eve@umbrella.test', role: Role.USER }), (error) => reasonOf(error) === 'kernel.PERMISSION_DENIED');
  // The project of one's own does not open another org.
  const umbrella = (await (await deployment.client(OrgsService, 'root@mainstay.test')).listOrgs({ pageSize: 1000 })).orgs.find(({ name }) => name === 'Umbrella')!;
  await assert.rejects(orgs.grantRole({ orgId: umbrella.orgId, accountId, role: Role.ADMIN, projectId: mine }), (error) => reasonOf(error) === 'sys-accounts.ORG_NOT_FOUND');
});
