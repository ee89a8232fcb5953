import assert from 'node:assert/strict';
import { OrgsService, Role } from '@mainstay/sys-accounts/contract';
import { everyTopology, type TestDeployment, until } from '@mainstay/testing';
import { AuditEntry_PrincipalKind as Kind, AuditService, SettingsService, type AuditEntry } from '../../contract/index.ts';

const root = 'root@mainstay.test';
const olga = 'olga@acme.test';

/** The one entry that is asked for; it arrives within moments. */
async function entryOf(deployment: TestDeployment, asked: object): Promise<AuditEntry> {
  const client = await deployment.client(AuditService, root);
  const found = () => client.listAuditEntries(asked).then(({ entries }) => entries.length > 0 && entries);
  const [entry, ...more] = await until(found, `the audit has the entry of ${JSON.stringify(asked)}`);
  assert.deepEqual(more, []);
  return entry!;
}

const trace = (digit: string) => digit.repeat(32);
const headers = (traceId: string) => ({ traceparent: `00-${traceId}-${'1'.repeat(16)}-01` });

async function acmeOf(deployment: TestDeployment): Promise<string> {
  return (await (await deployment.client(OrgsService, olga)).listOrgs({})).orgs.find(({ name }) => name === 'Acme')!.orgId;
}

everyTopology('a command is in the audit with who, where, what and from where', async (deployment) => {
  const orgId = await acmeOf(deployment);
  const response = await deployment.fetch(`/v1/orgs/${orgId}/projects`, { as: olga, body: { name: 'Audited' }, headers: headers(trace('1')) });
  assert.equal(response.status, 200, await response.clone().text());
  const me = (await (await deployment.fetch('/v1/accounts/me', { as: olga })).json()) as { accountId: string };
  const { module, method, outcome, principalKind, accountId, clientAddress, sessionId, ...entry } = await entryOf(deployment, { traceId: trace('1') });
  assert.deepEqual([module, method, outcome, principalKind, accountId, entry.orgId], ['sys-accounts', 'sys.accounts.v1.OrgsService/CreateProject', 'OK', Kind.ACCOUNT, me.accountId, orgId]);
  assert.match(clientAddress, /127\.0\.0\.1|::1/);
  assert.match(sessionId, /^[0-9a-f-]{36}$/);
  assert.equal(entry.subjects.org_id, orgId);
  assert.equal((await entryOf(deployment, { traceId: trace('1'), subjectId: orgId })).entryId, entry.entryId);
});

everyTopology('a command that was refused is in the audit with the reason', async (deployment) => {
  const orgId = await acmeOf(deployment);
  const response = await deployment.fetch(`/v1/orgs/${orgId}/projects`, { as: 'ada@acme.test', body: { name: 'Refused' }, headers: headers(trace('2')) });
  assert.equal(response.status, 403);
  const { outcome, method } = await entryOf(deployment, { traceId: trace('2'), failed: true });
  assert.deepEqual([outcome, method], ['kernel.PERMISSION_DENIED', 'sys.accounts.v1.OrgsService/CreateProject']);
});

everyTopology('the audit says what a command was about where that has no UUID: a setting, a dead letter, a role', async (deployment) => {
  const orgId = await acmeOf(deployment);
  const call = (digit: string, as: string, path: string, method: string, body: object) => deployment.fetch(path, { as, method, body, headers: headers(trace(digit)) });
  const { accountId } = (await (await deployment.fetch('/v1/accounts/me', { as: 'ada@acme.test' })).json()) as { accountId: string };
  assert.equal((await call('4', root, '/v1/settings/sys-core/fileQuotaMiB', 'PATCH', { value: 900 })).status, 200);
  assert.equal((await call('5', root, '/v1/dead-letters/99999:retry', 'POST', {})).status, 404);
  assert.equal((await call('6', olga, `/v1/orgs/${orgId}/members/${accountId}:grantRole`, 'POST', { role: 'ADMIN' })).status, 200);
  assert.deepEqual((await entryOf(deployment, { traceId: trace('4'), subjectId: 'fileQuotaMiB' })).subjects, { module: 'sys-core', key: 'fileQuotaMiB' });
  assert.equal((await entryOf(deployment, { traceId: trace('5') })).subjects.dead_letter_id, '99999');
  assert.equal((await entryOf(deployment, { traceId: trace('6') })).subjects.role, 'ADMIN');
  await (await deployment.client(OrgsService, olga)).revokeRole({ orgId, accountId, role: Role.ADMIN });
  await (await deployment.client(SettingsService, root)).resetSetting({ module: 'sys-core', key: 'fileQuotaMiB' });
});

everyTopology('a failed login is in the audit, without what was typed', async (deployment) => {
  const body = { email: 'eve@umbrella.test', password: 'not-the-password' };
  assert.equal((await deployment.fetch('/v1/sessions', { body, headers: headers(trace('3')) })).status, 401);
  const { principalKind, outcome, method, ...entry } = await entryOf(deployment, { traceId: trace('3') });
  assert.equal(principalKind, Kind.ANONYMOUS);
  assert.match(outcome, /^sys-accounts\./);
  assert.match(method, /SessionsService/);
  assert.doesNotMatch(JSON.stringify(entry, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)), /eve@|not-the-password/);
});

everyTopology('what the deployment itself recorded is one chain that holds', async (deployment) => {
  await entryOf(deployment, { traceId: trace('3') });
  const { checked, complete, broken } = await (await deployment.client(AuditService, 'ops@mainstay.test')).verifyAudit({});
  assert.deepEqual([checked > 3n, complete, broken], [true, true, undefined]);
});
