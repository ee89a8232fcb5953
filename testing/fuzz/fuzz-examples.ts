import { until, type TestDeployment } from '@mainstay/testing';
import fc, { type Arbitrary } from 'fast-check';
import { accountExamples } from './account-examples.ts';
import type { Example } from './any-case.ts';
import type { Tree } from './any-tree.ts';
import type { Ask, Examples } from './ask.ts';
import { directoryExamples } from './directory-examples.ts';
import { factorExamples } from './factor-examples.ts';
import { federationExamples } from './federation-examples.ts';
import { oauthExamples } from './oauth-examples.ts';
import { samlExamples } from './saml-examples.ts';
import { settledModule, settledPerOrg, settledValues } from './settled-module.ts';


const [ada, olga, root, ops] = ['ada@acme.test', 'olga@acme.test', 'root@mainstay.test', 'ops@mainstay.test'];
/** The password of the demo's people. */
const password = 'mainstay-demo';
const times = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const by = (caller: string, tree: Tree): Arbitrary<Example> => fc.constant({ caller, tree });
const anyOf = <T>(callers: readonly string[], from: readonly T[], treeOf: (item: T) => Tree): Arbitrary<Example> => fc.tuple(fc.constantFrom(...callers), fc.constantFrom(...from)).map(([caller, item]) => ({ caller, tree: treeOf(item) }));

/** Those who close their accounts, so that nobody else calls in their name. */
export const leaving: readonly string[] = times(6).map((at) => `leaving-${at}@acme.test`);

/** Whose sessions nothing ends but their own example. */
export const signedIn = 'signed-in@acme.test';

/**
 * Requests for methods that hardly a request fits whose parts are chosen one by one: an org, its project and its
 * member belong together. What a method uses up is there in numbers.
 */
export async function fuzzExamples(deployment: TestDeployment, ask: Ask): Promise<Examples> {
  const { orgs } = await ask(root, '/v1/orgs');
  const orgId = orgs.find(({ name }: { name: string }) => name === 'Acme').orgId as string;
  return { ...await ofPeople(ask, orgId), ...await ofOrgs(deployment, orgId), ...await ofSessions(deployment, ask, orgId), ...await factorExamples(deployment, ask, orgId), ...await ofPlatform(deployment, ask), ...await ofEmails(deployment, ask), ...await ofThings(ask), ...await oauthExamples(ask), ...await samlExamples(ask), ...await directoryExamples(ask), ...await federationExamples(deployment, ask), ...await accountExamples(deployment, ask, orgId) };
}

/** Registers people that nothing but their examples is about. */
const newPeople = (ask: Ask, emails: readonly string[]) => Promise.all(emails.map(async (email) => ({ email, accountId: (await ask('', '/v1/accounts', { email, password })).accountId as string })));

async function ofPeople(ask: Ask, orgId: string): Promise<Examples> {
  const [leavers, locked, joining] = [await newPeople(ask, leaving), await newPeople(ask, times(3).map((at) => `locked-${at}@acme.test`)), await newPeople(ask, times(6).map((at) => `joining-${at}@acme.test`))];
  const name = fc.uuid();
  const projects = (await ask(olga!, `/v1/orgs/${orgId}/projects`)).projects.map(({ projectId }: { projectId: string }) => projectId) as string[];
  const roles = fc.record({ member: fc.constantFrom(...joining), role: fc.constantFrom('USER', 'ADMIN'), caller: fc.constantFrom(olga!, root!), where: fc.constantFrom({}, {}, { projectId: projects[0] }) }).map(({ member, role, caller, where }) => ({ caller, tree: { orgId, accountId: member.accountId, role, ...where } }));
  return {
    RegisterAccount: name.map((unique) => ({ caller: '', tree: { email: `${unique}@acme.test`, password } })),
    ChangePassword: by('eve@umbrella.test', { accountId: 'me', currentPassword: password, newPassword: password }),
    CloseAccount: fc.constantFrom(...leavers).map(({ email, accountId }) => ({ caller: email, tree: { accountId, password } })),
    LockAccount: anyOf([root!], locked, ({ accountId }) => ({ accountId, reason: 'a reason' })),
    UnlockAccount: anyOf([root!], locked, ({ accountId }) => ({ accountId })),
    AddMember: anyOf([olga!, root!], joining, ({ email }) => ({ orgId, email, role: 'USER' })),
    RemoveMember: anyOf([olga!, root!], joining, ({ accountId }) => ({ orgId, accountId })),
    GrantRole: roles,
    RevokeRole: anyOf([olga!, root!], await holders(ask, orgId, projects[0]!), (accountId) => ({ orgId, accountId, role: 'USER' })),
    ListAccounts: by(root!, {}),
  };
}

/** Members who hold a role beside the one that is taken from them, and who are not removed meanwhile: the last is never taken. */
async function holders(ask: Ask, orgId: string, projectId: string): Promise<string[]> {
  const people = await newPeople(ask, times(12).map((at) => `holding-${at}@acme.test`));
  for (const { email, accountId } of people) {
    await ask(olga!, `/v1/orgs/${orgId}/members`, { email, role: 'USER' });
    await ask(olga!, `/v1/orgs/${orgId}/members/${accountId}:grantRole`, { role: 'USER', projectId });
  }
  return people.map(({ accountId }) => accountId);
}

async function ofOrgs(deployment: TestDeployment, orgId: string): Promise<Examples> {
  const projects = await deployment.sql<{ id: string }>(`insert into sys_accounts.sys_accounts_projects (owner_org, name) select $1::uuid, 'Project ' || n from generate_series(1, 60) as n returning id::text`, [orgId]);
  const named = (treeOf: (name: string) => Tree, callers = [olga!, root!]) => fc.tuple(fc.constantFrom(...callers), fc.uuid()).map(([caller, name]) => ({ caller, tree: treeOf(name) }));
  const [kept, ...others] = projects.map(({ id }) => ({ orgId, projectId: id }));
  return {
    CreateOrg: named((name) => ({ org: { name } }), [root!]),
    UpdateOrg: named((contact) => ({ org: { orgId, contact } })),
    CreateProject: named((name) => ({ orgId, project: { name } })),
    GetProject: anyOf([ada!, olga!], [kept!], (tree) => tree),
    UpdateProject: named((name) => ({ ...kept, project: { name } })),
    DeleteProject: anyOf([olga!, root!], others, (tree) => tree),
    ListMembers: by(ada!, { orgId }),
    ListProjects: by(ada!, { orgId }),
  };
}

async function ofSessions(deployment: TestDeployment, ask: Ask, orgId: string): Promise<Examples> {
  // Not of somebody whose password is changed, or whose other sessions are ended, now and then.
  const accountId = (await newPeople(ask, [signedIn]))[0]!.accountId;
  // Whoever logs in may take a new password, which ends all their sessions.
  const loggingIn = await newPeople(ask, times(6).map((at) => `logging-in-${at}@acme.test`));
  const sessions = await deployment.sql<{ id: string }>(`insert into sys_accounts.sys_accounts_sessions (account_id, acting_org, expires_at) select $1::uuid, $2::uuid, now() + interval '1 day' from generate_series(1, 60) returning id::text`, [accountId, orgId]);
  const tokens = await Promise.all(times(10).map(async () => (await ask('', '/v1/sessions', { email: 'ben@acme.test', password })).refreshToken as string));
  const keys = await Promise.all(times(60).map(async () => (await ask(ada!, '/v1/apiKeys', { name: 'a key' })).apiKey.apiKeyId as string));
  return {
    CreateSession: anyOf([''], loggingIn, ({ email }) => ({ email, password })),
    RefreshSession: anyOf([''], tokens, (refreshToken) => ({ refreshToken })),
    DeleteSession: anyOf([signedIn], sessions, ({ id }) => ({ sessionId: id })),
    RevokeApiKey: anyOf([ada!], keys, (apiKeyId) => ({ apiKeyId })),
  };
}

async function ofPlatform(deployment: TestDeployment, ask: Ask): Promise<Examples> {
  const module = settledModule.name;
  const { entries } = await ask(root!, '/v1/audit/entries?page_size=20');
  // Queued for never, and then failed without having run.
  await deployment.sql(`select graphile_worker.add_job($1, '{}'::json, max_attempts := 1, run_at := now() + interval '1 year') from generate_series(1, 200)`, [`${module}/rest`]);
  const dead = await deployment.sql<{ id: string }>(`update graphile_worker._private_jobs set attempts = max_attempts where run_at > now() + interval '300 days' returning id::text`);
  // Of no saga that anything runs, with a failure behind them.
  const sagas = await deployment.sql<{ id: string }>(`insert into sys_core.sys_core_sagas (id, name, step, input, steps, attempts) select uuidv7(), 'rest', 'rest', 'null', '[]', 1 from generate_series(1, 200) returning id::text`);
  const settings = Object.entries(settledValues).flatMap(([key, values]) => [root!, ...(settledPerOrg.includes(key) ? [olga!] : [])].flatMap((caller) => values.map((value) => ({ caller, key, value }))));
  const ofSetting = (more: (setting: { value: unknown }) => Tree) => fc.constantFrom(...settings).map((setting) => ({ caller: setting.caller, tree: { module, key: setting.key, ...more(setting) } }));
  return {
    ...await ofWebhooks(deployment, ask),
    ListAuditEntries: by(root!, {}),
    ListSettings: anyOf([root!, olga!], ['', module], (of) => ({ module: of })),
    ListSettingChanges: anyOf([root!, olga!], ['', module], (of) => ({ module: of })),
    GetSetting: ofSetting(() => ({})),
    UpdateSetting: ofSetting(({ value }) => ({ value })),
    ResetSetting: ofSetting(() => ({})),
    RevertSetting: fc.tuple(ofSetting(() => ({})), fc.nat({ max: 3 })).map(([{ caller, tree }, version]) => ({ caller, tree: { ...tree, version } })),
    GetModule: anyOf([ops!, root!], [module, 'sys-core', 'mod-promist'], (name) => ({ name })),
    GetAuditEntry: anyOf([root!], entries as { entryId: string }[], ({ entryId }) => ({ entryId })),
    VerifyAudit: anyOf([ops!, root!], [1, 100], (maxEntries) => ({ maxEntries })),
    ListDeadLetters: anyOf([ops!, root!], [0, 1, 50], (pageSize) => ({ pageSize })),
    ListHandlerLag: anyOf([ops!, root!], ['', 'mod-promist'], (of) => ({ module: of })),
    // Mostly dry: to handle everything again takes its time.
    ReplayEvents: fc.tuple(fc.constantFrom(ops!, root!), fc.nat(50)).map(([caller, chance]) => ({ caller, tree: { module: 'mod-promist', fromTime: new Date(Date.now() - 60_000).toISOString(), validateOnly: chance > 0 } })),
    // The pieces of a stream together are a number as well.
    ReceiveWebhook: by('', { module, name: 'open', content: { contentType: 'application/json', data: 'MQ==' } }),
    ListSagas: anyOf([ops!, root!], [0, 1, 50], (pageSize) => ({ pageSize })),
    GetSaga: anyOf([ops!, root!], sagas, ({ id }) => ({ sagaId: id })),
    CancelSaga: anyOf([ops!, root!], sagas, ({ id }) => ({ sagaId: id })),
    RetrySaga: anyOf([ops!, root!], sagas, ({ id }) => ({ sagaId: id })),
    RetryDeadLetter: anyOf([ops!, root!], dead, ({ id }) => ({ deadLetterId: id })),
    DiscardDeadLetter: anyOf([ops!, root!], dead, ({ id }) => ({ deadLetterId: id })),
  };
}

async function ofWebhooks(deployment: TestDeployment, ask: Ask): Promise<Examples> {
  // Nobody listens there, and nothing of these types is announced meanwhile.
  const webhookEndpoint = { url: 'http://127.0.0.1:9/', eventTypes: ['sys.core.v1.WebhookEndpointDisabled'] };
  const made = await Promise.all(times(30).map(async () => (await ask(olga!, '/v1/webhooks/endpoints', { webhookEndpoint })).webhookEndpoint.webhookEndpointId as string));
  const [kept, removed] = [made.slice(0, 5), made.slice(5)];
  const deliveries = await deployment.sql<{ id: string }>(`insert into sys_core.sys_core_webhook_deliveries (id, endpoint_id, org_id, event_id, event_type, body, outcome, next_try)
    select gen_random_uuid(), id, org_id, 'an event', 'rest', '{}', 'FAILED', null from sys_core.sys_core_webhook_endpoints, generate_series(1, 20) where id = any ($1::uuid[]) returning id::text`, [kept]);
  const callers = [olga!, root!];
  const ofKept = (more: Tree = {}) => anyOf(callers, kept, (webhookEndpointId) => ({ webhookEndpointId, ...more }));
  return {
    CreateWebhookEndpoint: by(root!, { webhookEndpoint }),
    ListWebhookEndpoints: anyOf(callers, [0], () => ({})),
    GetWebhookEndpoint: ofKept(),
    UpdateWebhookEndpoint: ofKept({ webhookEndpoint: { description: 'another' } }),
    DeleteWebhookEndpoint: anyOf(callers, removed, (webhookEndpointId) => ({ webhookEndpointId })),
    RotateWebhookSecret: ofKept(),
    TestWebhookEndpoint: ofKept(),
    ListWebhookDeliveries: anyOf(callers, [0, 1, 50], (pageSize) => ({ pageSize })),
    GetWebhookDelivery: anyOf(callers, deliveries, ({ id }) => ({ webhookDeliveryId: id })),
    RedeliverWebhook: anyOf(callers, deliveries, ({ id }) => ({ webhookDeliveryId: id })),
    ListWebhookEventTypes: anyOf(callers, [0], () => ({})),
  };
}

async function ofEmails(deployment: TestDeployment, ask: Ask): Promise<Examples> {
  // What they say is not there, so they fail each time that they are sent again.
  const failed = (await deployment.sql<{ id: string }>(`insert into sys_email.sys_email_emails (id, template, text_version, language, sender, priority, recipient, state, next_try)
    select uuidv7(), 'sys-email/test', 0, 'en', 'NOTIFICATION', 'LOW', 'nobody@acme.test', 'FAILED', null from generate_series(1, 200) returning id::text`)).map(({ id }) => id);
  const suppressions = await Promise.all(times(60).map(async (at) => (await ask(root!, '/v1/email/suppressions', { address: `unwanted-${at}@acme.test` })).suppressionId as string));
  const { emailId } = await ask(root!, '/v1/emails:test', { to: 'reader@acme.test' });
  const inMailbox = async () => ((await ask(root!, '/v1/email/mailbox')).emails as { emailId: string; headers: Record<string, string> }[]).find((email) => email.emailId === emailId);
  const { headers } = await until(inMailbox, 'the test e-mail is in the mailbox');
  const token = /unsubscribe\/([\w-]+)>/.exec(headers['List-Unsubscribe']!)![1]!;
  const text = { module: 'sys-email', name: 'test', language: 'de' };
  const ofEmail = (ids: readonly string[]) => anyOf([ops!, root!], ids, (id) => ({ emailId: id }));
  const ofText = (more: Tree = {}, callers = [root!]) => anyOf(callers, [text], () => ({ ...text, ...more }));
  const words = { subject: '{platform}', body: [{ text: 'Words of {platform}.' }] };
  return {
    ListEmails: anyOf([ops!, root!], [0, 1, 50], (pageSize) => ({ pageSize })),
    GetEmail: ofEmail(failed),
    RetryEmail: ofEmail(failed.slice(0, 100)),
    DiscardEmail: ofEmail(failed.slice(100)),
    SendTestEmail: fc.uuid().map((unique) => ({ caller: root!, tree: { to: `${unique}@acme.test` } })),
    ListTemplates: anyOf([ops!, root!], [0], () => ({})),
    GetTemplateText: ofText({}, [ops!, root!]),
    UpdateTemplateText: ofText({ text: words }),
    RevertTemplateText: ofText({ version: 0 }),
    ListTemplateTextVersions: ofText({}, [ops!, root!]),
    PreviewTemplate: ofText({ text: words }, [ops!, root!]),
    ListSuppressions: anyOf([root!], [0, 1, 50], (pageSize) => ({ pageSize })),
    CreateSuppression: fc.uuid().map((unique) => ({ caller: root!, tree: { address: `${unique}@acme.test`, detail: 'a reason' } })),
    DeleteSuppression: anyOf([root!], suppressions, (suppressionId) => ({ suppressionId })),
    GetSubscription: by('', { token }),
    // The form List-Unsubscribe=One-Click.
    Unsubscribe: by('', { token, content: { contentType: 'application/x-www-form-urlencoded', data: 'TGlzdC1VbnN1YnNjcmliZT1PbmUtQ2xpY2s=' } }),
    ListMailboxEmails: anyOf([root!], [0, 1, 50], (pageSize) => ({ pageSize })),
    GetMailboxEmail: by(root!, { emailId }),
  };
}

async function ofThings(ask: Ask): Promise<Examples> {
  const files = await Promise.all(times(60).map(async (at) => (await ask(ada!, `/v1/files?name=${at}.txt`, `text ${at}`)).id as string));
  const contacts = await Promise.all(times(40).map(async (at) => (await ask(ada!, '/v1/contacts', { name: `Contact ${at}` })).id as string));
  const promises: { id: string; reminders: { id: string }[] }[] = await Promise.all(times(30).map((at) => ask(ada!, '/v1/promises', { title: `Example ${at}`, reminders: [{ time: '2030-01-01T00:00:00Z' }, { time: '2031-01-01T00:00:00Z' }] })));
  const [shared, ...own] = promises;
  const ofOwn = (more: Tree = {}) => anyOf([ada!], own.slice(0, 10), ({ id }) => ({ promiseId: id, ...more }));
  const onItsWay = ['GetPromise', 'FulfillPromise', 'FailPromise', 'ReopenPromise', 'ArchivePromise', 'UnarchivePromise', 'DeletePromise', 'RestorePromise', 'ListChanges'];
  return {
    ...Object.fromEntries(onItsWay.map((name) => [name, ofOwn()])),
    AddReminder: ofOwn({ reminder: { time: '2030-01-01T00:00:00Z' } }),
    UpdatePromise: anyOf([ada!], own, ({ id }) => ({ promise: { id, title: 'Another' } })),
    BatchCreatePromises: by(ada!, { requests: [{ promise: { title: 'One' } }, { promise: { title: 'Two' } }] }),
    BatchGetContacts: anyOf([ada!], contacts, (id) => ({ contactIds: [id] })),
    UploadFile: by(ada!, { name: 'a.txt', content: { contentType: 'text/plain', data: 'YSB0ZXh0' } }),
    GetFile: anyOf([ada!], files, (fileId) => ({ fileId })),
    DownloadFile: anyOf([ada!], files, (fileId) => ({ fileId })),
    DeleteFile: anyOf([ada!], files, (fileId) => ({ fileId })),
    GetContact: anyOf([ada!], contacts, (contactId) => ({ contactId })),
    UpdateContact: anyOf([ada!], contacts, (id) => ({ contact: { id, name: 'Another' } })),
    DeleteContact: anyOf([ada!], contacts.slice(10), (contactId) => ({ contactId })),
    RemoveReminder: anyOf([ada!], promises.flatMap(({ id, reminders }) => reminders.map((reminder) => ({ promiseId: id, reminderId: reminder.id }))), (tree) => tree),
    SharePromise: anyOf([ada!], ['VIEW', 'KEEP'], (permission) => ({ promiseId: shared!.id, account: 'ben@acme.test', permission })),
    UnsharePromise: by(ada!, { promiseId: shared!.id, account: 'ben@acme.test' }),
    BatchUpdatePromises: anyOf([ada!], promises, ({ id }) => ({ requests: [{ promise: { id, title: 'Another' }, updateMask: 'title' }] })),
    BatchDeletePromises: anyOf([ada!], own.slice(10), ({ id }) => ({ requests: [{ promiseId: id }] })),
  };
}
