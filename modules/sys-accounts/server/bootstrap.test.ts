import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import { startDeployment } from '@mainstay/testing';
import { AccountsService, OrgsService, Role, SessionsService } from '../contract/index.ts';

const modules = { 'sys-core': null, 'sys-accounts': null, 'sys-email': null };

const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};

test('the demo people are there once, however often it starts', async () => {
  const deployment = await startDeployment({ phase: 'D', modules });
  try {
    const people = async () => {
      const root = await deployment.client(AccountsService, 'root@mainstay.test');
      return (await root.listAccounts({})).accounts.map(({ accountId, email }) => `${accountId} ${email}`);
    };
    const before = await people();
    assert.equal(before.length, 6);
    await deployment.restart();
    assert.deepEqual(await people(), before);
    const olga = await deployment.client(OrgsService, 'olga@acme.test');
    const acme = (await olga.listOrgs({})).orgs.find(({ personal }) => !personal)!;
    assert.equal(acme.name, 'Acme');
    assert.deepEqual((await olga.listMembers({ orgId: acme.orgId })).members.map(({ displayName, roles }) => [displayName, roles[0]!.role]), [['Ada', Role.USER], ['Ben', Role.USER], ['Olga', Role.ADMIN]]);
    assert.equal((await olga.listProjects({ orgId: acme.orgId })).projects.length, 1);
  } finally {
    await deployment.stop();
  }
});

test('in production there is one administrator, whose password is shown once and good for one login', async () => {
  const deployment = await startDeployment({ phase: 'P', modules: { ...modules, 'sys-accounts': { adminEmail: 'admin@example.org' } } });
  try {
    const passwords = () => deployment.announced.flatMap((line) => /one-time password (\S+)/.exec(line)?.[1] ?? []);
    assert.equal(passwords().length, 1);
    const [password] = passwords() as [string];
    const email = 'admin@example.org';
    const sessions = await deployment.client(SessionsService);
    await assert.rejects(sessions.createSession({ email: 'root@mainstay.test', password: 'mainstay-demo' }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
    await assert.rejects(sessions.createSession({ email, password }), refusedWith('sys-accounts.PASSWORD_CHANGE_REQUIRED'));
    const { account } = await sessions.createSession({ email, password, newPassword: 'correct horse battery' });
    assert.ok(account!.roles.some(({ role }) => role === Role.SUPERADMIN));
    await assert.rejects(sessions.createSession({ email, password }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
    await deployment.restart();
    assert.equal(passwords().length, 1);
    await (await deployment.client(SessionsService)).createSession({ email, password: 'correct horse battery' });
  } finally {
    await deployment.stop();
  }
});
