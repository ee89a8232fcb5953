import type { DescService } from '@bufbuild/protobuf';
import { type Client } from '@connectrpc/connect';
import type { TestDeployment } from '@mainstay/testing';
import { ClientGrant, EmailDomainsService, OAuthClientsService, OrgsService, Role, SessionsService, type EmailDomain } from '../contract/index.ts';
import { password, Person } from './people.ts';

/** An org of its own for one test, with an administrator who is signed in to it. */
export class TestOrg {
  readonly deployment: TestDeployment;
  readonly admin: Person;
  readonly orgId: string;
  /** The administrator's, for calls that act in the org. */
  readonly accessToken: string;
  /** A domain that nobody else has. */
  readonly domain = `${crypto.randomUUID()}.test`;

  private constructor(deployment: TestDeployment, admin: Person, orgId: string, accessToken: string) {
    this.deployment = deployment;
    this.admin = admin;
    this.orgId = orgId;
    this.accessToken = accessToken;
  }

  static async in(deployment: TestDeployment): Promise<TestOrg> {
    const admin = await Person.in(deployment);
    const orgs = await deployment.client(OrgsService, 'root@mainstay.test');
    const { orgId, creatorAccountId } = await orgs.createOrg({ org: { name: `Org ${crypto.randomUUID()}` } });
    await orgs.addMember({ orgId, email: admin.email, role: Role.ADMIN });
    await orgs.removeMember({ orgId, accountId: creatorAccountId });
    return new TestOrg(deployment, admin, orgId, await TestOrg.logIn(deployment, admin, orgId));
  }

  /** An access token of somebody that acts in an org. */
  static async logIn(deployment: TestDeployment, { email }: Person, orgId: string): Promise<string> {
    return (await (await deployment.client(SessionsService)).createSession({ email, password, org: orgId })).accessToken;
  }

  client<S extends DescService>(service: S): Promise<Client<S>> {
    return this.deployment.client(service, this.accessToken);
  }

  /** Claims its domain, or another. */
  async claim(domain = this.domain): Promise<EmailDomain> {
    return (await this.client(EmailDomainsService)).createEmailDomain({ emailDomain: { domain } });
  }

  /** Has a domain that a Platform Administrator vouches for. */
  async own(domain = this.domain): Promise<EmailDomain> {
    const { emailDomainId } = await this.claim(domain);
    return (await this.deployment.client(EmailDomainsService, 'root@mainstay.test')).vouchForEmailDomain({ emailDomainId });
  }

  /** Somebody with a role in it, and their access token that acts in it. */
  async member(role = Role.USER): Promise<{ person: Person; accessToken: string }> {
    const person = await Person.in(this.deployment);
    await (await this.client(OrgsService)).addMember({ orgId: this.orgId, email: person.email, role });
    return { person, accessToken: await TestOrg.logIn(this.deployment, person, this.orgId) };
  }

  /** An access token of a program that is an administrator of it. */
  async program(): Promise<string> {
    const { oauthClient, clientSecret } = await (await this.client(OAuthClientsService)).createOAuthClient({ oauthClient: { name: 'directory', grants: [ClientGrant.CLIENT_CREDENTIALS], serviceRole: Role.ADMIN } });
    const basic = Buffer.from(`${oauthClient!.oauthClientId}:${clientSecret}`).toString('base64');
    const response = await this.deployment.fetch('/oauth2/token', { method: 'POST', body: 'grant_type=client_credentials&scope=api', headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: `Basic ${basic}` } });
    return (await response.json() as { access_token: string }).access_token;
  }

  /** The roles of each member in it, by account: such as `ADMIN`, or `USER in` and the project. */
  async roles(): Promise<Map<string, string[]>> {
    const { members } = await (await this.client(OrgsService)).listMembers({ orgId: this.orgId, pageSize: 1000 });
    return new Map(members.map(({ accountId, roles }) => [accountId, roles.map(({ role, projectId }) => (projectId ? `${Role[role]} in ${projectId}` : Role[role])).sort()]));
  }
}
