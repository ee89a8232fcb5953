import assert from 'node:assert/strict';
import { Code, ConnectError } from '@connectrpc/connect';
import { reasonOf, violationsOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { OrgsService, Role, UserRequestKind, UserRequestsService, UserRequestState, UserViewService } from '../../contract/index.ts';
import { mailTo } from '../../testing/mail.ts';
import { Person } from '../../testing/people.ts';

const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};

/** An org with an administrator and a user. */
async function newOrg(deployment: TestDeployment) {
  const orgs = await deployment.client(OrgsService, 'root@mainstay.test');
  const [administrator, user] = [await Person.in(deployment), await Person.in(deployment)];
  const { orgId, name } = await orgs.createOrg({ org: { name: crypto.randomUUID() } });
  await orgs.addMember({ orgId, email: administrator.email, role: Role.ADMIN });
  await orgs.addMember({ orgId, email: user.email, role: Role.USER });
  for (const person of [administrator, user]) person.use(await person.logIn());
  const { projectId } = await orgs.createProject({ orgId, project: { name: 'Launch' } });
  return { orgs, orgId, name, projectId, administrator, user, asks: await deployment.client(UserRequestsService, user.accessToken), decides: await deployment.client(UserRequestsService, administrator.accessToken) };
}

everyTopology('what a user asks for is told to the administrators, and approved it is granted', async (deployment) => {
  const { orgs, orgId, name, projectId, administrator, user, asks, decides } = await newOrg(deployment);
  const text = 'Please let me run the launch.';
  const { userRequestId, state } = await asks.createUserRequest({ orgId, kind: UserRequestKind.ROLE, role: Role.ADMIN, projectId, text });
  assert.equal(state, UserRequestState.OPEN);
  assert.match((await mailTo(deployment, administrator.email, 'request-made')).text, /Please let me run the launch\./);
  assert.deepEqual((await decides.listUserRequests({ orgId, filter: 'state = OPEN' })).userRequests.map((request) => [request.userRequestId, request.personName, request.text]), [[userRequestId, 'Somebody', text]]);
  const viewOf = async (accessToken: string) => (await deployment.client(UserViewService, accessToken)).getUserView({});
  assert.deepEqual((await viewOf(user.accessToken)).openRequests.map((request) => request.userRequestId), [userRequestId]);
  assert.deepEqual([(await viewOf(administrator.accessToken)).requestsToDecide, (await viewOf(user.accessToken)).requestsToDecide], [1, 0]);
  const approved = await decides.approveUserRequest({ orgId, userRequestId, answer: 'With pleasure.' });
  assert.deepEqual([approved.state, approved.answer], [UserRequestState.APPROVED, 'With pleasure.']);
  const mail = await mailTo(deployment, user.email, 'request-approved');
  assert.match(mail.subject + mail.text, new RegExp(`${name}[^]*With pleasure`));
  const [member] = (await orgs.listMembers({ orgId, filter: `email = "${user.email}"` })).members;
  assert.ok(member!.roles.some((grant) => grant.role === Role.ADMIN && grant.projectId === projectId));
  await assert.rejects(decides.declineUserRequest({ orgId, userRequestId, answer: 'no' }), refusedWith('sys-accounts.REQUEST_DECIDED'));
});

everyTopology('a request is declined with a reason, or taken back, and grants nothing then', async (deployment) => {
  const { orgs, orgId, projectId, user, asks, decides } = await newOrg(deployment);
  const access = await asks.createUserRequest({ orgId, kind: UserRequestKind.ACCESS, projectId, text: 'Let me in.' });
  const help = await asks.createUserRequest({ orgId, kind: UserRequestKind.HELP, text: 'How do I export?' });
  assert.equal((await decides.declineUserRequest({ orgId, userRequestId: access.userRequestId, answer: 'Not yet.' })).state, UserRequestState.DECLINED);
  assert.match((await mailTo(deployment, user.email, 'request-declined')).text, /Not yet\./);
  assert.equal((await asks.withdrawUserRequest({ userRequestId: help.userRequestId })).state, UserRequestState.WITHDRAWN);
  const own = await asks.listOwnUserRequests({});
  assert.deepEqual(own.userRequests.map(({ state }) => state), [UserRequestState.WITHDRAWN, UserRequestState.DECLINED]);
  const [member] = (await orgs.listMembers({ orgId, filter: `email = "${user.email}"` })).members;
  assert.deepEqual(member!.roles.map(({ role, projectId: project }) => [role, project]), [[Role.USER, '']]);
});

everyTopology('of eight decisions at once one counts', async (deployment) => {
  const { orgId, asks, decides } = await newOrg(deployment);
  const { userRequestId } = await asks.createUserRequest({ orgId, kind: UserRequestKind.ROLE, role: Role.ADMIN, text: 'Please.' });
  const decisions = await Promise.allSettled(Array.from({ length: 8 }, (_, at) => (at % 2 ? decides.approveUserRequest({ orgId, userRequestId }) : decides.declineUserRequest({ orgId, userRequestId, answer: 'no' }))));
  assert.equal(decisions.filter(({ status }) => status === 'fulfilled').length, 1);
});

everyTopology('only administrators decide, only the person takes back, and nothing is known of it in other orgs', async (deployment) => {
  const { orgs, orgId, projectId, user, asks, decides } = await newOrg(deployment);
  const other = await newOrg(deployment);
  const { userRequestId } = await asks.createUserRequest({ orgId, kind: UserRequestKind.ROLE, role: Role.ADMIN, text: 'Please.' });
  const denied = (error: unknown) => ConnectError.from(error).code === Code.PermissionDenied;
  await assert.rejects(asks.approveUserRequest({ orgId, userRequestId }), denied);
  await assert.rejects(asks.listUserRequests({ orgId }), denied);
  await assert.rejects(decides.withdrawUserRequest({ userRequestId }), refusedWith('sys-accounts.REQUEST_NOT_FOUND'));
  await assert.rejects(other.decides.approveUserRequest({ orgId: other.orgId, userRequestId }), refusedWith('sys-accounts.REQUEST_NOT_FOUND'));
  await assert.rejects(other.decides.listUserRequests({ orgId }), refusedWith('sys-accounts.ORG_NOT_FOUND'));
  await assert.rejects(other.asks.createUserRequest({ orgId, kind: UserRequestKind.HELP, text: 'x' }), refusedWith('sys-accounts.ORG_NOT_FOUND'));
  await assert.rejects(other.asks.createUserRequest({ orgId: other.orgId, kind: UserRequestKind.ACCESS, projectId, text: 'x' }), refusedWith('sys-accounts.PROJECT_NOT_FOUND'));
  await assert.rejects(asks.createUserRequest({ orgId, kind: UserRequestKind.ACCESS, text: 'x' }), (error) => violationsOf(error)[0]?.field === 'project_id');
  await assert.rejects(asks.createUserRequest({ orgId, kind: UserRequestKind.ROLE, text: 'x' }), (error) => violationsOf(error)[0]?.field === 'role');
  await orgs.removeMember({ orgId, accountId: user.accountId });
  await assert.rejects(decides.approveUserRequest({ orgId, userRequestId }), refusedWith('sys-accounts.MEMBER_NOT_FOUND'));
});

everyTopology('a person lets no more than twenty requests of one org wait', async (deployment) => {
  const { orgId, asks } = await newOrg(deployment);
  for (let made = 0; made < 20; made++) await asks.createUserRequest({ orgId, kind: UserRequestKind.HELP, text: `Question ${made}` });
  await assert.rejects(asks.createUserRequest({ orgId, kind: UserRequestKind.HELP, text: 'One more' }), refusedWith('sys-accounts.REQUESTS_REACHED'));
});
