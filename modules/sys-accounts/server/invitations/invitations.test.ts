import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { AccountsService, InvitationsService, OrgsService, Role, SessionsService } from '../../contract/index.ts';
import { countTo, mailTo, tokenTo } from '../../testing/mail.ts';
import { password, Person } from '../../testing/people.ts';

const root = 'root@mainstay.test';
const newAddress = () => `${crypto.randomUUID()}@example.org`;
const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};

/** A new org, and what is called for it. */
async function newOrg(deployment: TestDeployment) {
  const orgs = await deployment.client(OrgsService, root);
  const { orgId, name } = await orgs.createOrg({ org: { name: crypto.randomUUID() } });
  return { orgs, orgId, name, invitations: await deployment.client(InvitationsService, root), public: await deployment.client(InvitationsService) };
}

everyTopology('an invitation makes somebody new an account with a proven address, and a member', async (deployment) => {
  const { orgs, orgId, name, invitations, public: anybody } = await newOrg(deployment);
  const email = newAddress();
  const invitation = await invitations.createInvitation({ orgId, email, role: Role.USER, language: 'fr' });
  assert.deepEqual([invitation.email, invitation.role, invitation.orgId], [email, Role.USER, orgId]);
  const { subject, tokens } = await mailTo(deployment, email, 'invitation');
  assert.equal(subject, `Root vous invite à rejoindre ${name}`);
  const token = tokens[0]!;
  const view = await anybody.lookAtInvitation({ token });
  assert.deepEqual([view.orgName, view.email, view.inviterName, view.role, view.hasAccount], [name, email, 'Root', Role.USER, false]);
  await assert.rejects(anybody.acceptInvitation({ token, password: 'qwertyuiop' }), refusedWith('sys-accounts.PASSWORD_UNFIT'));
  const accepted = await anybody.acceptInvitation({ token, password, displayName: 'New' });
  assert.deepEqual([accepted.orgId, accepted.isNew], [orgId, true]);
  const session = await (await deployment.client(SessionsService)).createSession({ email, password });
  assert.deepEqual([session.orgId, session.account!.emailVerified, session.account!.language], [orgId, true, 'fr']);
  assert.deepEqual((await orgs.listMembers({ orgId, filter: `email = "${email}"` })).members.map((member) => member.displayName), ['New']);
  assert.deepEqual((await invitations.listInvitations({ orgId })).invitations, []);
});

everyTopology('who has an account accepts signed in with the address, or with its password, and nobody else does', async (deployment) => {
  const { orgs, orgId, invitations, public: anybody } = await newOrg(deployment);
  const [signedIn, byPassword, other] = [await Person.in(deployment), await Person.in(deployment), await Person.in(deployment)];
  const { projectId } = await orgs.createProject({ orgId, project: { name: 'Launch' } });
  await invitations.createInvitation({ orgId, email: signedIn.email.toUpperCase(), role: Role.ADMIN, projectId });
  await invitations.createInvitation({ orgId, email: byPassword.email, role: Role.USER });
  const token = await tokenTo(deployment, signedIn.email, 'invitation');
  await assert.rejects((await deployment.client(InvitationsService, other.accessToken)).acceptInvitation({ token }), refusedWith('sys-accounts.INVITATION_OF_ANOTHER'));
  await assert.rejects(anybody.acceptInvitation({ token, password: 'not the password' }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  const own = await deployment.client(InvitationsService, signedIn.accessToken);
  assert.deepEqual((await own.acceptInvitation({ token })).accountId, signedIn.accountId);
  const { account } = await signedIn.logIn();
  assert.ok(account!.roles.some((role) => role.role === Role.ADMIN && role.orgId === orgId && role.projectId === projectId));
  assert.equal((await anybody.acceptInvitation({ token: await tokenTo(deployment, byPassword.email, 'invitation'), password })).accountId, byPassword.accountId);
});

everyTopology('of eight who accept at once exactly one succeeds', async (deployment) => {
  const { orgId, invitations, public: anybody } = await newOrg(deployment);
  const email = newAddress();
  await invitations.createInvitation({ orgId, email, role: Role.USER });
  const token = await tokenTo(deployment, email, 'invitation');
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => anybody.acceptInvitation({ token, password })));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  await assert.rejects(anybody.lookAtInvitation({ token }), refusedWith('sys-accounts.LINK_INVALID'));
});

everyTopology('an invitation is sent again, taken back, and expires', async (deployment) => {
  const { orgId, invitations, public: anybody } = await newOrg(deployment);
  const [email, late] = [newAddress(), newAddress()];
  const { invitationId } = await invitations.createInvitation({ orgId, email, role: Role.USER });
  await assert.rejects(invitations.createInvitation({ orgId, email: email.toUpperCase(), role: Role.USER }), refusedWith('sys-accounts.ALREADY_INVITED'));
  const token = await tokenTo(deployment, email, 'invitation');
  await invitations.resendInvitation({ orgId, invitationId });
  await until(async () => (await countTo(deployment, email, 'invitation')) === 2, 'it comes again');
  assert.equal(await tokenTo(deployment, email, 'invitation'), token);
  await invitations.deleteInvitation({ orgId, invitationId });
  await assert.rejects(anybody.acceptInvitation({ token, password }), refusedWith('sys-accounts.LINK_INVALID'));
  await assert.rejects(invitations.deleteInvitation({ orgId, invitationId }), refusedWith('sys-accounts.INVITATION_NOT_FOUND'));
  const second = await invitations.createInvitation({ orgId, email: late, role: Role.USER });
  const lateToken = await tokenTo(deployment, late, 'invitation');
  await deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_invitations set expires_at = now() - interval '1 second' where id = $1`, [second.invitationId]);
  await assert.rejects(anybody.acceptInvitation({ token: lateToken, password }), refusedWith('sys-accounts.LINK_INVALID'));
  await invitations.createInvitation({ orgId, email: late, role: Role.ADMIN });
});

everyTopology('an org invites whom it likes, but nobody who is a member, and no personal org does', async (deployment) => {
  const { orgId, invitations } = await newOrg(deployment);
  await assert.rejects(invitations.createInvitation({ orgId, email: root, role: Role.USER }), refusedWith('sys-accounts.ALREADY_MEMBER'));
  await assert.rejects(invitations.createInvitation({ orgId, email: newAddress(), role: Role.USER, projectId: crypto.randomUUID() }), refusedWith('sys-accounts.PROJECT_NOT_FOUND'));
  const person = await Person.in(deployment);
  const { personalOrgId } = await (await deployment.client(AccountsService, person.accessToken)).getAccount({ accountId: 'me' });
  await assert.rejects((await deployment.client(InvitationsService, person.accessToken)).createInvitation({ orgId: personalOrgId, email: newAddress(), role: Role.USER }), refusedWith('sys-accounts.ORG_PERSONAL'));
  const { invitationId } = await invitations.createInvitation({ orgId, email: newAddress(), role: Role.USER });
  const olga = await deployment.client(InvitationsService, 'olga@acme.test');
  await assert.rejects(olga.deleteInvitation({ orgId, invitationId }), refusedWith('sys-accounts.ORG_NOT_FOUND'));
  await assert.rejects(olga.listInvitations({ orgId }), refusedWith('sys-accounts.ORG_NOT_FOUND'));
});
