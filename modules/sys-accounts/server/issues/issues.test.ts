import assert from 'node:assert/strict';
import { Code, ConnectError } from '@connectrpc/connect';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology } from '@mainstay/testing';
import { IssuesService, IssueState } from '../../contract/index.ts';

const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};

everyTopology('a Platform Administrator raises an issue, and Platform Maintenance looks after it', async (deployment) => {
  const [root, ops] = [await deployment.client(IssuesService, 'root@mainstay.test'), await deployment.client(IssuesService, 'ops@mainstay.test')];
  const subject = `Imports stall ${crypto.randomUUID()}`;
  const { issueId, state } = await root.raiseIssue({ subject, description: 'Since noon.', traceId: 'a'.repeat(32) });
  assert.equal(state, IssueState.ISSUE_OPEN);
  assert.deepEqual((await ops.listIssues({ filter: `state = ISSUE_OPEN AND subject:"${subject}"` })).issues.map((issue) => [issue.issueId, issue.traceId]), [[issueId, 'a'.repeat(32)]]);
  await ops.commentOnIssue({ issueId, text: 'We look into it.' });
  await root.commentOnIssue({ issueId, text: 'Thank you.' });
  const resolved = await ops.resolveIssue({ issueId, resolution: 'A queue was full.' });
  assert.deepEqual([resolved.state, resolved.resolution, resolved.resolveTime !== undefined], [IssueState.ISSUE_RESOLVED, 'A queue was full.', true]);
  assert.deepEqual((await root.getIssue({ issueId })).comments.map(({ text }) => text), ['We look into it.', 'Thank you.']);
  await assert.rejects(ops.resolveIssue({ issueId, resolution: 'again' }), refusedWith('sys-accounts.ISSUE_RESOLVED'));
  await assert.rejects(ops.getIssue({ issueId: crypto.randomUUID() }), refusedWith('sys-accounts.ISSUE_NOT_FOUND'));
  await assert.rejects(ops.commentOnIssue({ issueId: crypto.randomUUID(), text: 'x' }), refusedWith('sys-accounts.ISSUE_NOT_FOUND'));
});

everyTopology('Platform Maintenance raises no issues, and customers see none', async (deployment) => {
  const denied = (error: unknown) => ConnectError.from(error).code === Code.PermissionDenied;
  await assert.rejects((await deployment.client(IssuesService, 'ops@mainstay.test')).raiseIssue({ subject: 'x', description: 'x' }), denied);
  for (const person of ['olga@acme.test', 'ada@acme.test']) await assert.rejects((await deployment.client(IssuesService, person)).listIssues({}), denied);
});
