import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyTopology } from '@mainstay/testing';
import { EmailChangeService, Factor, InvitationsService, OrgsService, Role, UserViewService } from '../../contract/index.ts';
import { password, Person } from '../../testing/people.ts';
import { permissionsThatCount } from './permissions-that-count.ts';

const root = 'root@mainstay.test';

everyTopology('one call tells who is signed in, where they belong and what they may do there', async (deployment) => {
  const person = await Person.in(deployment);
  const orgs = await deployment.client(OrgsService, root);
  const [whole, part] = [await orgs.createOrg({ org: { name: `A ${crypto.randomUUID()}` } }), await orgs.createOrg({ org: { name: `B ${crypto.randomUUID()}` } })];
  const projects = [];
  for (const { orgId } of [whole, part]) for (const name of ['Launch', 'Apollo']) projects.push(await orgs.createProject({ orgId, project: { name } }));
  await orgs.addMember({ orgId: whole.orgId, email: person.email, role: Role.ADMIN });
  await orgs.addMember({ orgId: part.orgId, email: person.email, role: Role.USER });
  await orgs.grantRole({ orgId: part.orgId, accountId: person.accountId, role: Role.ADMIN, projectId: projects[2]!.projectId });
  await orgs.revokeRole({ orgId: part.orgId, accountId: person.accountId, role: Role.USER });
  person.use(await person.logIn());
  const view = await (await deployment.client(UserViewService, person.accessToken)).getUserView({});
  assert.deepEqual([view.account!.accountId, view.currentOrgId, view.sessionCount], [person.accountId, whole.orgId, 2]);
  assert.deepEqual(view.orgs.map(({ name, personal }) => [name, personal]), [[whole.name, false], [part.name, false], ['Somebody', true]]);
  assert.deepEqual(view.orgs[0]!.projects.map(({ name }) => name), ['Apollo', 'Launch']);
  assert.deepEqual(view.orgs[1]!.projects.map(({ projectId }) => projectId), [projects[2]!.projectId]);
  assert.deepEqual(view.orgs[1]!.roles.map(({ role, projectId }) => [role, projectId]), [[Role.ADMIN, projects[2]!.projectId]]);
  for (const permission of ['accounts.members.add', 'accounts.orgs.get', 'promist.promises.create']) assert.ok(view.permissions.includes(permission), permission);
  assert.ok(!view.permissions.includes('accounts.accounts.list'));
});

everyTopology('it tells of second factors, and of what waits for an answer once the address is proven', async (deployment) => {
  const person = await Person.in(deployment);
  await person.addTotp();
  const invitations = await deployment.client(InvitationsService, root);
  const orgs = await deployment.client(OrgsService, root);
  const invite = async () => {
    const org = await orgs.createOrg({ org: { name: crypto.randomUUID() } });
    await invitations.createInvitation({ orgId: org.orgId, email: person.email.toUpperCase(), role: Role.USER });
    return org.name;
  };
  const own = await deployment.client(UserViewService, person.accessToken);
  const name = await invite();
  const newEmail = `${crypto.randomUUID()}@example.org`;
  await (await deployment.client(EmailChangeService, person.accessToken)).beginEmailChange({ accountId: 'me', newEmail, password });
  const unproven = await own.getUserView({});
  assert.deepEqual([unproven.secondFactors, unproven.recoveryCodesLeft, unproven.emailChange!.newEmail], [[Factor.TOTP], 10, newEmail]);
  assert.deepEqual(unproven.invitations, []);
  await deployment.sqlOf('sys-accounts', 'update sys_accounts.sys_accounts_accounts set email_verified_at = now() where id = $1', [person.accountId]);
  const proven = await own.getUserView({});
  assert.deepEqual(proven.invitations.map(({ orgName, inviterName, role }) => [orgName, inviterName, role]), [[name, 'Root', Role.USER]]);
});

test('permissions count by roles in the org, and a Platform Administrator has all of the platform', () => {
  const permissions = [{ name: 'a.users', module: 'sys-a', roles: ['USER', 'ADMIN'] as const }, { name: 'b.admins', module: 'mod-b', roles: ['ADMIN'] as const }, { name: 'c.guests', module: 'mod-c', roles: ['GUEST'] as const }];
  const of = (...roles: Parameters<typeof permissionsThatCount>[1]['roles'][number][]) => permissionsThatCount(permissions, { orgId: 'here', roles });
  assert.deepEqual(of(), ['c.guests']);
  assert.deepEqual(of({ role: 'USER', orgId: 'here' }), ['a.users', 'c.guests']);
  assert.deepEqual(of({ role: 'ADMIN', orgId: 'elsewhere' }, { role: 'ADMIN', orgId: 'here', projectId: 'one' }), ['c.guests']);
  assert.deepEqual(of({ role: 'SUPERADMIN' }), ['a.users', 'c.guests']);
});
