import { emailsTo, until, type TestDeployment } from '@mainstay/testing';
import fc, { type Arbitrary } from 'fast-check';
import type { Example } from './any-case.ts';
import type { Ask, Examples } from './ask.ts';

const password = 'mainstay-demo';
const times = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const anyOf = <T>(caller: string, from: readonly T[], treeOf: (item: T) => Example['tree']): Arbitrary<Example> => fc.constantFrom(...from).map((item) => ({ caller, tree: treeOf(item) }));

/** Requests for methods that take a token out of an e-mail. */
export async function accountExamples(deployment: TestDeployment, ask: Ask, orgId: string): Promise<Examples> {
  const fresh = times(3).map((at) => `fresh-${at}@acme.test`);
  const forgetful = times(3).map((at) => `forgetful-${at}@acme.test`);
  await Promise.all([...fresh, ...forgetful].map((email) => ask('', '/v1/accounts', { email, password })));
  await Promise.all(fresh.map((email) => ask('', '/v1/accounts:resendVerification', { email })));
  await Promise.all(forgetful.map((email) => ask('', '/v1/accounts:requestPasswordReset', { email })));
  const [verifying, resetting] = await Promise.all([fresh, forgetful].map((emails) => Promise.all(emails.map((email) => tokenTo(deployment, email)))));
  const invite = async (email: string) => (await ask('olga@acme.test', `/v1/orgs/${orgId}/invitations`, { email, role: 'USER' })).invitationId as string;
  const invited = times(8).map((at) => `invited-${at}@acme.test`);
  const kept = await Promise.all(invited.map(invite));
  const taken = await Promise.all(times(20).map((at) => invite(`uninvited-${at}@acme.test`)));
  const accepting = await Promise.all(invited.map((email) => tokenTo(deployment, email)));
  const changes = await Promise.all(times(6).map((at) => changeOf(deployment, ask, `changing-${at}@acme.test`)));
  const helpless = await Promise.all(times(3).map(async (at) => (await ask('', '/v1/accounts', { email: `helpless-${at}@acme.test`, password })).accountId as string));
  const actings = await Promise.all(helpless.map(async (accountId) => (await ask('root@mainstay.test', `/v1/accounts/${accountId}:act`, { reason: 'a reason' })).acting.actingId as string));
  const [root, ops, olga, ada] = ['root@mainstay.test', 'ops@mainstay.test', 'olga@acme.test', 'ada@acme.test'];
  const issues = await Promise.all(times(20).map(async () => (await ask(root!, '/v1/issues', { subject: 'an issue', description: 'a description' })).issueId as string));
  const requests = (await deployment.sql<{ id: string }>(`insert into sys_accounts.sys_accounts_user_requests (account_id, owner_org, kind, text) select a.id, $1::uuid, 'HELP', 'a request' from sys_accounts.sys_accounts_accounts a, generate_series(1, 90) where a.email = 'ada@acme.test' returning id::text`, [orgId])).map(({ id }) => id);
  return {
    ExportPersonalData: anyOf(ada!, ['me'], (accountId) => ({ accountId })),
    RaiseIssue: anyOf(root!, ['a', 'b'], (subject) => ({ subject, description: 'a description' })),
    ListIssues: anyOf(ops!, [0, 1, 50], (pageSize) => ({ pageSize })),
    GetIssue: anyOf(ops!, issues, (issueId) => ({ issueId })),
    CommentOnIssue: anyOf(ops!, issues, (issueId) => ({ issueId, text: 'a comment' })),
    ResolveIssue: anyOf(ops!, issues, (issueId) => ({ issueId, resolution: 'done' })),
    CreateUserRequest: anyOf('ben@acme.test', ['a', 'b'], (text) => ({ orgId, kind: 'HELP', text })),
    ListUserRequests: anyOf(olga!, [0, 1, 50], (pageSize) => ({ orgId, pageSize })),
    ApproveUserRequest: anyOf(olga!, requests.slice(0, 30), (userRequestId) => ({ orgId, userRequestId })),
    DeclineUserRequest: anyOf(olga!, requests.slice(30, 60), (userRequestId) => ({ orgId, userRequestId, answer: 'no' })),
    WithdrawUserRequest: anyOf(ada!, requests.slice(60), (userRequestId) => ({ userRequestId })),
    BeginActing: anyOf('root@mainstay.test', helpless, (accountId) => ({ accountId, reason: 'a reason' })),
    EndActing: anyOf('root@mainstay.test', actings, (actingId) => ({ actingId })),
    CreateInvitation: fc.uuid().map((unique) => ({ caller: 'olga@acme.test', tree: { orgId, email: `${unique}@acme.test`, role: 'USER' } })),
    ListInvitations: anyOf('olga@acme.test', [0, 1, 50], (pageSize) => ({ orgId, pageSize })),
    ResendInvitation: anyOf('olga@acme.test', kept.slice(4), (invitationId) => ({ orgId, invitationId })),
    DeleteInvitation: anyOf('olga@acme.test', taken, (invitationId) => ({ orgId, invitationId })),
    LookAtInvitation: anyOf('', accepting.slice(4), (token) => ({ token })),
    AcceptInvitation: anyOf('', accepting.slice(0, 4), (token) => ({ token, password })),
    BeginEmailChange: fc.uuid().map((unique) => ({ caller: 'eve@umbrella.test', tree: { accountId: 'me', newEmail: `${unique}@umbrella.test`, password } })),
    ConfirmEmailChange: anyOf('', changes.slice(0, 3), ({ agree }) => ({ token: agree })),
    CancelEmailChange: anyOf('', changes.slice(3), ({ cancel }) => ({ token: cancel })),
    VerifyEmail: anyOf('', verifying!, (token) => ({ token, password })),
    ResendVerification: anyOf('', fresh, (email) => ({ email })),
    RequestPasswordReset: anyOf('', forgetful, (email) => ({ email })),
    ResetPassword: anyOf('', resetting!, (token) => ({ token, newPassword: password })),
  };
}

/** The tokens of the links that the address of somebody who changes it gets. */
async function changeOf(deployment: TestDeployment, ask: Ask, email: string): Promise<{ agree: string; cancel: string }> {
  await ask('', '/v1/accounts', { email, password });
  await ask(email, '/v1/accounts/me:changeEmail', { newEmail: `new-${email}`, password });
  const { text } = await until(async () => (await emailsTo(deployment, email))[0], `an e-mail comes to ${email}`);
  const [agree, cancel] = [...text.matchAll(/#([\w.-]+)/g)].map(([, token]) => token!);
  return { agree: agree!, cancel: cancel! };
}

/** The token of the link in the first e-mail to an address. */
async function tokenTo(deployment: TestDeployment, email: string): Promise<string> {
  const first = await until(async () => (await emailsTo(deployment, email))[0], `an e-mail comes to ${email}`);
  return /#([\w.-]+)/.exec(first.text)![1]!;
}
