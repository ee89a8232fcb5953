import assert from 'node:assert/strict';
import { Code, ConnectError } from '@connectrpc/connect';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { AccountsService, OrgsService, Role, SessionsService } from '../contract/index.ts';

const password = 'correct horse battery';

const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};
const notAllowed = (error: unknown) => ConnectError.from(error).code === Code.PermissionDenied;

/** Registers somebody new. `orgs` acts in the org the person joined last. */
async function newPerson(deployment: TestDeployment) {
  const email = `${crypto.randomUUID()}@example.org`;
  const { accountId, personalOrgId } = await (await deployment.client(AccountsService)).registerAccount({ email, password });
  const actIn = async (org: string) => {
    const { accessToken } = await (await deployment.client(SessionsService)).createSession({ email, password, org });
    return deployment.client(OrgsService, accessToken);
  };
  return { email, accountId, personalOrgId, actIn };
}

/** A new org with an administrator and a user of its own. */
async function newOrg(deployment: TestDeployment) {
  const root = await deployment.client(OrgsService, 'root@mainstay.test');
  const { orgId } = await root.createOrg({ org: { name: `Org ${crypto.randomUUID()}` } });
  const [admin, user] = [await newPerson(deployment), await newPerson(deployment)];
  await root.addMember({ orgId, email: admin.email, role: Role.ADMIN });
  await root.addMember({ orgId, email: user.email, role: Role.USER });
  const { accountId: rootId } = await (await deployment.client(AccountsService, 'root@mainstay.test')).getAccount({ accountId: 'me' });
  await root.removeMember({ orgId, accountId: rootId });
  return { orgId, root, admin: { ...admin, orgs: await admin.actIn(orgId) }, user: { ...user, orgs: await user.actIn(orgId) } };
}

everyTopology('only the platform administrator makes orgs, and their names are unique whatever the case', async (deployment) => {
  const root = await deployment.client(OrgsService, 'root@mainstay.test');
  const name = `Org ${crypto.randomUUID()}`;
  const org = await root.createOrg({ org: { name, contact: 'hello@example.org' } });
  assert.equal((await root.getOrg({ orgId: org.orgId })).contact, 'hello@example.org');
  await assert.rejects(root.createOrg({ org: { name: name.toUpperCase() } }), refusedWith('sys-accounts.ORG_NAME_TAKEN'));
  await assert.rejects(root.createOrg({ org: { name: ' ' } }), refusedWith('sys-accounts.NAME_REQUIRED'));
  for (const person of ['olga@acme.test', 'ops@mainstay.test']) await assert.rejects((await deployment.client(OrgsService, person)).createOrg({ org: { name: 'Mine' } }), notAllowed);
});

everyTopology('members see their orgs, the platform administrator all, strangers none', async (deployment) => {
  const { orgId, user, root } = await newOrg(deployment);
  assert.deepEqual((await user.orgs.listOrgs({})).orgs.map((org) => org.orgId), [user.personalOrgId, orgId]);
  assert.ok((await root.listOrgs({ pageSize: 1000 })).orgs.some((org) => org.orgId === orgId));
  const eve = await deployment.client(OrgsService, 'eve@umbrella.test');
  for (const id of [orgId, crypto.randomUUID()]) {
    await assert.rejects(eve.getOrg({ orgId: id }), refusedWith('sys-accounts.ORG_NOT_FOUND'));
    await assert.rejects(eve.listMembers({ orgId: id }), refusedWith('sys-accounts.ORG_NOT_FOUND'));
    await assert.rejects(eve.listProjects({ orgId: id }), refusedWith('sys-accounts.ORG_NOT_FOUND'));
  }
});

everyTopology("an administrator of one org is nobody in another's", async (deployment) => {
  const [mine, theirs] = [await newOrg(deployment), await newOrg(deployment)];
  const { orgs } = mine.admin;
  const { orgId } = theirs;
  const strange = refusedWith('sys-accounts.ORG_NOT_FOUND');
  await assert.rejects(orgs.updateOrg({ org: { orgId, name: 'Taken over' } }), strange);
  await assert.rejects(orgs.createProject({ orgId, project: { name: 'Trojan' } }), strange);
  await assert.rejects(orgs.addMember({ orgId, email: mine.admin.email, role: Role.ADMIN }), strange);
  await assert.rejects(orgs.grantRole({ orgId, accountId: mine.admin.accountId, role: Role.ADMIN }), strange);
  await assert.rejects(orgs.removeMember({ orgId, accountId: theirs.user.accountId }), strange);
});

everyTopology('an update of an org that names none is refused, also for an operator', async (deployment) => {
  const { admin, root } = await newOrg(deployment);
  for (const orgs of [admin.orgs, root]) await assert.rejects(orgs.updateOrg({ org: { name: 'Nobody knows' } }), refusedWith('sys-accounts.ORG_NOT_FOUND'));
});

everyTopology('an administrator of two orgs changes the one the call acts in', async (deployment) => {
  const [one, two] = [await newOrg(deployment), await newOrg(deployment)];
  await two.root.addMember({ orgId: two.orgId, email: one.admin.email, role: Role.ADMIN });
  const inOne = await one.admin.actIn(one.orgId);
  await assert.rejects(inOne.updateOrg({ org: { orgId: two.orgId, contact: 'x' } }), refusedWith('sys-accounts.ORG_NOT_CURRENT'));
  const inTwo = await one.admin.actIn(two.orgId);
  assert.equal((await inTwo.updateOrg({ org: { orgId: two.orgId, contact: 'x' } })).contact, 'x');
});

everyTopology('administrators grant and revoke, users do not', async (deployment) => {
  const { orgId, admin, user } = await newOrg(deployment);
  const grant = { orgId, accountId: user.accountId, role: Role.ADMIN };
  await assert.rejects(user.orgs.grantRole(grant), notAllowed);
  await assert.rejects(user.orgs.addMember({ orgId, email: admin.email, role: Role.ADMIN }), notAllowed);
  await assert.rejects(user.orgs.updateOrg({ org: { orgId, name: 'Mine' } }), notAllowed);
  const member = await admin.orgs.grantRole(grant);
  assert.deepEqual(member.roles.map(({ role }) => role).sort(), [Role.USER, Role.ADMIN]);
  await user.orgs.updateOrg({ org: { orgId, contact: 'the new administrator' } });
  await admin.orgs.revokeRole(grant);
  await assert.rejects(user.orgs.updateOrg({ org: { orgId, contact: 'still here' } }), notAllowed);
});

everyTopology("the platform's own roles are never granted", async (deployment) => {
  const { orgId, admin, root } = await newOrg(deployment);
  for (const orgs of [admin.orgs, root]) {
    for (const role of [Role.SUPERADMIN, Role.OPS, Role.GUEST, Role.ROLE_UNSPECIFIED]) {
      await assert.rejects(orgs.grantRole({ orgId, accountId: admin.accountId, role }), refusedWith('kernel.INVALID_REQUEST'));
      await assert.rejects(orgs.addMember({ orgId, email: 'ben@acme.test', role }), refusedWith('kernel.INVALID_REQUEST'));
    }
  }
});

everyTopology('the last administrator stays', async (deployment) => {
  const { orgId, admin, user } = await newOrg(deployment);
  const last = refusedWith('sys-accounts.LAST_ADMIN');
  await assert.rejects(admin.orgs.removeMember({ orgId, accountId: admin.accountId }), last);
  await assert.rejects(admin.orgs.removeMember({ orgId: orgId.toUpperCase(), accountId: admin.accountId.toUpperCase() }), last);
  await admin.orgs.grantRole({ orgId, accountId: admin.accountId, role: Role.USER });
  await assert.rejects(admin.orgs.revokeRole({ orgId, accountId: admin.accountId, role: Role.ADMIN }), last);
  await admin.orgs.grantRole({ orgId, accountId: user.accountId, role: Role.ADMIN });
  const both = await Promise.allSettled([
    admin.orgs.revokeRole({ orgId, accountId: user.accountId, role: Role.ADMIN }),
    user.orgs.revokeRole({ orgId, accountId: admin.accountId, role: Role.ADMIN }),
  ]);
  assert.equal(both.filter(({ status }) => status === 'fulfilled').length, 1);
});

everyTopology('a removed member loses the org at once, and keeps the account', async (deployment) => {
  const { orgId, admin, user } = await newOrg(deployment);
  await user.orgs.listMembers({ orgId });
  await admin.orgs.removeMember({ orgId, accountId: user.accountId });
  await assert.rejects(user.orgs.listProjects({ orgId }), refusedWith('sys-accounts.ORG_NOT_FOUND'));
  assert.deepEqual((await user.orgs.listOrgs({})).orgs.map((org) => org.orgId), [user.personalOrgId]);
});

everyTopology('members are listed by address, in pages', async (deployment) => {
  const { orgId, admin, user } = await newOrg(deployment);
  const first = await admin.orgs.listMembers({ orgId, pageSize: 1 });
  const second = await admin.orgs.listMembers({ orgId, pageSize: 1, pageToken: first.nextPageToken });
  assert.deepEqual([...first.members, ...second.members].map(({ email }) => email), [admin.email, user.email].sort());
  assert.equal(second.nextPageToken, '');
});

everyTopology('a personal org stays personal', async (deployment) => {
  const person = await newPerson(deployment);
  const orgs = await person.actIn(person.personalOrgId);
  await assert.rejects(orgs.addMember({ orgId: person.personalOrgId, email: 'ben@acme.test', role: Role.USER }), refusedWith('sys-accounts.ORG_PERSONAL'));
});

everyTopology('projects belong to one org', async (deployment) => {
  const [mine, theirs] = [await newOrg(deployment), await newOrg(deployment)];
  const { orgId, admin, user } = mine;
  const { projectId } = await admin.orgs.createProject({ orgId, project: { name: 'Launch' } });
  await assert.rejects(admin.orgs.createProject({ orgId, project: { name: 'LAUNCH' } }), refusedWith('sys-accounts.PROJECT_NAME_TAKEN'));
  await assert.rejects(user.orgs.createProject({ orgId, project: { name: 'Mine' } }), notAllowed);
  assert.equal((await user.orgs.getProject({ orgId, projectId })).name, 'Launch');
  const stranger = { orgId: theirs.orgId, projectId };
  await assert.rejects(theirs.admin.orgs.getProject(stranger), refusedWith('sys-accounts.PROJECT_NOT_FOUND'));
  await assert.rejects(theirs.admin.orgs.deleteProject(stranger), refusedWith('sys-accounts.PROJECT_NOT_FOUND'));
  await assert.rejects(theirs.admin.orgs.grantRole({ ...stranger, accountId: theirs.user.accountId, role: Role.USER }), refusedWith('sys-accounts.PROJECT_NOT_FOUND'));
  assert.equal((await admin.orgs.updateProject({ orgId, projectId, project: { name: 'Lift-off' } })).name, 'Lift-off');
  await admin.orgs.deleteProject({ orgId, projectId });
  assert.deepEqual((await user.orgs.listProjects({ orgId })).projects, []);
});

everyTopology('an administrator of a project grants roles in it and nowhere else', async (deployment) => {
  const { orgId, admin, user } = await newOrg(deployment);
  const member = await newPerson(deployment);
  await admin.orgs.addMember({ orgId, email: member.email, role: Role.USER });
  const { projectId } = await admin.orgs.createProject({ orgId, project: { name: 'Launch' } });
  const other = await admin.orgs.createProject({ orgId, project: { name: 'Landing' } });
  await admin.orgs.grantRole({ orgId, accountId: user.accountId, role: Role.ADMIN, projectId });
  const given = await user.orgs.grantRole({ orgId, accountId: member.accountId, role: Role.ADMIN, projectId });
  assert.ok(given.roles.some((grant) => grant.role === Role.ADMIN && grant.projectId === projectId));
  await assert.rejects(user.orgs.grantRole({ orgId, accountId: member.accountId, role: Role.ADMIN, projectId: other.projectId }), notAllowed);
  await assert.rejects(user.orgs.grantRole({ orgId, accountId: user.accountId, role: Role.ADMIN }), notAllowed);
  await assert.rejects(user.orgs.removeMember({ orgId, accountId: admin.accountId }), notAllowed);
});
