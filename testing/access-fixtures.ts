import { randomBytes, randomUUID } from 'node:crypto';
import type { DescService } from '@bufbuild/protobuf';
import { createClient, type Client, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { until } from '@mainstay/kernel/testing';
import { ContactsService, PromisesService } from '@mainstay/mod-promist/contract';
import { AccountsService, ApiKeysService, ClientGrant, EmailDomainsService, Factor, GroupMappingsService, InvitationsService, IssuesService, OAuthClientsService, OrgsService, Role, SecondFactorsService, SessionsService } from '@mainstay/sys-accounts/contract';
import { AuditService, WebhooksService } from '@mainstay/sys-core/contract';
import { Email_State, EmailsService, SuppressionsService } from '@mainstay/sys-email/contract';
import type { TestDeployment } from './start-deployment.ts';

const password = 'mainstay-demo';

/** Someone who calls, in one org. */
export interface Person {
  email: string;
  accountId: string;
  orgId: string;
  transport: Transport;
  /** Makes the project that a call of the person names, where it takes one. */
  project?: () => Promise<string>;
}

const known = new WeakMap<TestDeployment, Promise<AccessFixtures>>();

/** Two orgs with two projects each and people of every role in the first; and things of each, made when asked for. */
export class AccessFixtures {
  readonly #deployment: TestDeployment;
  readonly people = new Map<string, Person | undefined>([['anonymous', undefined]]);
  readonly #accounts = new Map<string, string>();
  acme = '';
  umbrella = '';

  private constructor(deployment: TestDeployment) {
    this.#deployment = deployment;
  }

  /** Those of a deployment, made once. */
  static in(deployment: TestDeployment): Promise<AccessFixtures> {
    let made = known.get(deployment);
    if (!made) {
      const fixtures = new AccessFixtures(deployment);
      known.set(deployment, (made = fixtures.#settle().then(() => fixtures)));
    }
    return made;
  }

  /** A call's transport, signed in as `email`, acting in an org. */
  async transport(email: string, orgId: string): Promise<Transport> {
    const token = await this.#deployment.token(email);
    return createGrpcTransport({
      baseUrl: this.#deployment.address,
      interceptors: [(next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`);
        request.header.set('mainstay-org', orgId);
        return next(request);
      }],
    });
  }

  /** The id of a thing that `person` may name, made for this one call; undefined for a kind of thing that is not known here. */
  async idOf(field: string, person: Person, isOwn: boolean): Promise<Record<string, string> | undefined> {
    const makers: Record<string, () => Promise<Record<string, string>>> = {
      org_id: async () => ({ org_id: person.orgId }),
      project_id: async () => ({ project_id: await (person.project?.() ?? this.#newProject(person.orgId)) }),
      account_id: async () => ({ account_id: isOwn ? 'me' : await this.#member(person.orgId) }),
      session_id: async () => ({ session_id: (await this.#client(SessionsService).createSession({ email: person.email, password })).sessionId }),
      oauth_client_id: async () => ({ oauth_client_id: await this.#oauthClient(person) }),
      email_domain_id: async () => ({ email_domain_id: (await createClient(EmailDomainsService, await this.#adminIn(person)).createEmailDomain({ emailDomain: { domain: `${randomUUID()}.test` } })).emailDomainId }),
      group_mapping_id: async () => ({ group_mapping_id: (await createClient(GroupMappingsService, await this.#adminIn(person)).createGroupMapping({ groupMapping: { groupName: randomUUID(), role: Role.USER } })).groupMappingId }),
      identity_provider_id: async () => ({ identity_provider_id: await this.#identityProvider(person) }),
      external_identity_id: () => this.#externalIdentity(person),
      api_key_id: async () => ({ api_key_id: (await createClient(ApiKeysService, person.transport).createApiKey({ name: 'test' })).apiKey!.apiKeyId }),
      second_factor_id: async () => ({ second_factor_id: (await createClient(SecondFactorsService, person.transport).createSecondFactor({ factor: Factor.TOTP })).secondFactor!.secondFactorId }),
      remembered_device_id: () => this.#rememberedDevice(person),
      acting_id: () => this.#acting(person),
      issue_id: async () => ({ issue_id: (await (await this.#deployment.client(IssuesService, 'root@mainstay.test')).raiseIssue({ subject: 'an issue', description: 'a description' })).issueId }),
      user_request_id: () => this.#userRequest(person),
      invitation_id: async () => ({ invitation_id: (await createClient(InvitationsService, await this.transport(person.orgId === this.acme ? 'olga@acme.test' : 'eve@umbrella.test', person.orgId)).createInvitation({ orgId: person.orgId, email: `${randomUUID()}@acme.test`, role: Role.USER })).invitationId }),
      promise_id: async () => ({ promise_id: (await createClient(PromisesService, person.transport).createPromise({ promise: { title: 'a promise' } })).id }),
      reminder_id: () => this.#reminder(person),
      contact_id: async () => ({ contact_id: (await createClient(ContactsService, person.transport).createContact({ contact: { name: 'a contact' } })).id }),
      webhook_endpoint_id: async () => ({ webhook_endpoint_id: await this.#webhookEndpoint(person.orgId) }),
      webhook_delivery_id: async () => ({ webhook_delivery_id: (await (await this.#webhooks()).testWebhookEndpoint({ webhookEndpointId: await this.#webhookEndpoint(person.orgId) })).webhookDeliveryId }),
      email_id: async () => ({ email_id: await this.#email() }),
      suppression_id: async () => ({ suppression_id: (await (await this.#deployment.client(SuppressionsService, 'root@mainstay.test')).createSuppression({ address: `${randomUUID()}@acme.test` })).suppressionId }),
      entry_id: async () => ({ entry_id: await this.#auditEntry(person.orgId) }),
    };
    return makers[field]?.();
  }

  /** The address of somebody who has registered and is no member of an org. */
  async stranger(orgId: string): Promise<string> {
    const email = 'nell@nowhere.test';
    const orgs = await this.#adminOf(orgId);
    await orgs.removeMember({ orgId, accountId: await this.#account(email) }).catch(() => {});
    return email;
  }

  async #settle(): Promise<void> {
    const root = await this.#deployment.client(OrgsService, 'root@mainstay.test');
    const { orgs } = await root.listOrgs({ pageSize: 1000 });
    this.acme = orgs.find(({ name }) => name === 'Acme')!.orgId;
    this.umbrella = orgs.find(({ name }) => name === 'Umbrella')!.orgId;
    await root.grantRole({ orgId: this.umbrella, accountId: await this.#account('eve@umbrella.test'), role: Role.ADMIN });
    const [own, side] = [await this.#newProject(this.acme), await this.#newProject(this.acme)];
    await this.#newProject(this.umbrella);
    await this.#joinProject('pat@acme.test', Role.ADMIN, own);
    for (const email of ['gus@acme.test', 'ops@mainstay.test', 'root@mainstay.test']) await this.#joinProject(email, Role.USER, side);
    const callers = { GUEST: 'gus@acme.test', USER: 'ada@acme.test', ADMIN: 'olga@acme.test', OPS: 'ops@mainstay.test', SUPERADMIN: 'root@mainstay.test' };
    for (const [name, email] of Object.entries(callers)) this.people.set(name, await this.#person(email));
    const pat = await this.#person('pat@acme.test');
    this.people.set('ADMIN of the project', { ...pat, project: () => this.#projectOf(pat) });
    this.people.set('ADMIN of another project', { ...pat, project: () => this.#newProject(this.acme) });
  }

  async foreigner(): Promise<Person> {
    return { email: 'eve@umbrella.test', accountId: await this.#account('eve@umbrella.test'), orgId: this.umbrella, transport: await this.transport('eve@umbrella.test', this.umbrella) };
  }

  async #person(email: string): Promise<Person> {
    return { email, accountId: await this.#account(email), orgId: this.acme, transport: await this.transport(email, this.acme) };
  }

  /** Makes somebody a member of Acme by a role in one project and by nothing else. */
  async #joinProject(email: string, role: Role, projectId: string): Promise<void> {
    const orgs = await this.#adminOf(this.acme);
    const accountId = await this.#account(email);
    await orgs.addMember({ orgId: this.acme, email, role: Role.USER });
    await orgs.grantRole({ orgId: this.acme, accountId, role, projectId });
    await orgs.revokeRole({ orgId: this.acme, accountId, role: Role.USER });
  }

  /** A new project of which the person is administrator. */
  async #projectOf({ accountId, orgId }: Person): Promise<string> {
    const projectId = await this.#newProject(orgId);
    await (await this.#adminOf(orgId)).grantRole({ orgId, accountId, role: Role.ADMIN, projectId });
    return projectId;
  }

  async #newProject(orgId: string): Promise<string> {
    return (await (await this.#adminOf(orgId)).createProject({ orgId, project: { name: randomUUID() } })).projectId;
  }

  /** A member of an org, with the one role USER, who is there to be removed, locked and given roles. */
  async #member(orgId: string): Promise<string> {
    const email = orgId === this.acme ? 'sam@acme.test' : 'una@umbrella.test';
    const accountId = await this.#account(email);
    const orgs = await this.#adminOf(orgId);
    await orgs.removeMember({ orgId, accountId }).catch(() => {});
    await orgs.addMember({ orgId, email, role: Role.USER });
    return accountId;
  }

  async #reminder(person: Person): Promise<Record<string, string>> {
    const time = { seconds: 4_000_000_000n };
    const { id, reminders } = await createClient(PromisesService, person.transport).createPromise({ promise: { title: 'a promise', reminders: [{ time }] } });
    return { promise_id: id, reminder_id: reminders[0]!.id };
  }

  /** Somebody has acted on behalf of the person. */
  async #acting({ accountId }: Person): Promise<Record<string, string>> {
    const [{ id }] = await this.#deployment.sqlOf<{ id: string }>('sys-accounts', `insert into sys_accounts.sys_accounts_actings (account_id, actor_id, reason, expires_at) values ($1, $1, 'a reason', now()) returning id::text`, [accountId]) as [{ id: string }];
    return { acting_id: id };
  }

  /** The person waits for an answer. */
  async #userRequest({ accountId, orgId }: Person): Promise<Record<string, string>> {
    const [{ id }] = await this.#deployment.sqlOf<{ id: string }>('sys-accounts', `insert into sys_accounts.sys_accounts_user_requests (account_id, owner_org, kind, text) values ($1, $2, 'HELP', 'a request') returning id::text`, [accountId, orgId]) as [{ id: string }];
    return { user_request_id: id };
  }

  async #rememberedDevice({ accountId }: Person): Promise<Record<string, string>> {
    const values = [accountId, randomBytes(32)];
    const [{ id }] = await this.#deployment.sqlOf<{ id: string }>('sys-accounts', `insert into sys_accounts.sys_accounts_remembered_devices (account_id, token_hash, password_mark, expires_at) values ($1, $2, '', now() + interval '1 day') returning id::text`, values) as [{ id: string }];
    return { remembered_device_id: id };
  }

  async #identityProvider({ orgId }: Person): Promise<string> {
    const settings = JSON.stringify({ issuer: 'https://login.acme.test', clientId: 'mainstay' });
    const [{ id }] = await this.#deployment.sqlOf<{ id: string }>('sys-accounts', `insert into sys_accounts.sys_accounts_identity_providers (owner_org, name, kind, settings) values ($1, 'a provider', 'OIDC', $2) returning id::text`, [orgId, settings]) as [{ id: string }];
    return id;
  }

  /** The person is known somewhere else. */
  async #externalIdentity(person: Person): Promise<Record<string, string>> {
    const values = [await this.#identityProvider(person), randomUUID(), person.accountId];
    const [{ id }] = await this.#deployment.sqlOf<{ id: string }>('sys-accounts', 'insert into sys_accounts.sys_accounts_external_identities (provider_id, subject, account_id) values ($1, $2, $3) returning id::text', values) as [{ id: string }];
    return { external_identity_id: id };
  }

  #webhooks(): Promise<Client<typeof WebhooksService>> {
    return this.#deployment.client(WebhooksService, 'root@mainstay.test');
  }

  /** An endpoint at which nobody listens. An org may have a few, so those that calls left behind make room. */
  async #webhookEndpoint(orgId: string): Promise<string> {
    const webhooks = await this.#webhooks();
    const { webhookEndpoints } = await webhooks.listWebhookEndpoints({ orgId });
    for (const { webhookEndpointId } of webhookEndpoints.slice(10)) await webhooks.deleteWebhookEndpoint({ webhookEndpointId });
    const { webhookEndpoint } = await webhooks.createWebhookEndpoint({ orgId, webhookEndpoint: { url: 'http://127.0.0.1:9/', eventTypes: ['sys.core.v1.WebhookEndpointDisabled'] } });
    return webhookEndpoint!.webhookEndpointId;
  }

  /** An e-mail that lies in the mailbox. */
  async #email(): Promise<string> {
    const emails = await this.#deployment.client(EmailsService, 'root@mainstay.test');
    const { emailId } = await emails.sendTestEmail({ to: `${randomUUID()}@acme.test` });
    await until(async () => (await emails.getEmail({ emailId })).state === Email_State.SENT, 'the e-mail is in the mailbox');
    return emailId;
  }

  async #auditEntry(orgId: string): Promise<string> {
    const root = await this.#deployment.client(AuditService, 'root@mainstay.test');
    // Something that happened there, which is in the audit a moment later.
    await this.#webhookEndpoint(orgId);
    let entryId: string | undefined;
    await until(async () => (entryId = (await root.listAuditEntries({ orgId })).entries[0]?.entryId) !== undefined, 'the org has an entry in the audit');
    return entryId!;
  }

  async #oauthClient(person: Person): Promise<string> {
    const clients = createClient(OAuthClientsService, await this.#adminIn(person));
    return (await clients.createOAuthClient({ oauthClient: { name: 'a client', grants: [ClientGrant.DEVICE_CODE] } })).oauthClient!.oauthClientId;
  }

  /** Calls of an administrator of the org that a person acts in. */
  async #adminIn({ orgId, transport }: Person): Promise<Transport> {
    const admin = { [this.acme]: 'olga@acme.test', [this.umbrella]: 'eve@umbrella.test' }[orgId];
    return admin === undefined ? transport : this.transport(admin, orgId);
  }

  async #adminOf(orgId: string): Promise<Client<typeof OrgsService>> {
    return createClient(OrgsService, await this.transport(orgId === this.acme ? 'olga@acme.test' : 'eve@umbrella.test', orgId));
  }

  async #account(email: string): Promise<string> {
    const known = this.#accounts.get(email);
    if (known) return known;
    const registered = await this.#client(AccountsService).registerAccount({ email, password }).then(({ accountId }) => accountId, () => undefined);
    const found = registered ?? (await (await this.#deployment.client(AccountsService, 'root@mainstay.test')).listAccounts({ search: email })).accounts[0]!.accountId;
    this.#accounts.set(email, found);
    return found;
  }

  #client<S extends DescService>(service: S): Client<S> {
    return createClient(service, createGrpcTransport({ baseUrl: this.#deployment.address }));
  }
}
