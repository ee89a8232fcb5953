import { ApiKeysService } from '../contract/index.ts';
import type { TestOrg } from './test-org.ts';

/** What an answer says. */
export interface ScimAnswer {
  status: number;
  body: any;
  headers: Headers;
}

const userId = 'urn:ietf:params:scim:schemas:core:2.0:User';
const groupId = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const patchId = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** A directory that speaks SCIM by HTTP, with an API key of an org's administrator. */
export class ScimClient {
  readonly #org: TestOrg;
  readonly #bearer: string;

  private constructor(org: TestOrg, bearer: string) {
    this.#org = org;
    this.#bearer = bearer;
  }

  static async of(org: TestOrg): Promise<ScimClient> {
    return new ScimClient(org, (await (await org.client(ApiKeysService)).createApiKey({ name: 'directory' })).secret);
  }

  /** The same with another token. */
  as(bearer: string): ScimClient {
    return new ScimClient(this.#org, bearer);
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ScimAnswer> {
    const response = await this.#org.deployment.fetch(`/scim/v2${path}`, { method, ...(body !== undefined && { body }), ...(this.#bearer && { as: this.#bearer }), headers: { ...(body !== undefined && { 'content-type': 'application/scim+json' }), ...headers } });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text), headers: response.headers };
  }

  get = (path: string, query: Record<string, string> = {}): Promise<ScimAnswer> => this.send('GET', Object.keys(query).length > 0 ? `${path}?${new URLSearchParams(query)}` : path);

  createUser = (user: object): Promise<ScimAnswer> => this.send('POST', '/Users', { schemas: [userId], ...user });
  replaceUser = (id: string, user: object, headers?: Record<string, string>): Promise<ScimAnswer> => this.send('PUT', `/Users/${id}`, { schemas: [userId], ...user }, headers);
  createGroup = (group: object): Promise<ScimAnswer> => this.send('POST', '/Groups', { schemas: [groupId], ...group });
  replaceGroup = (id: string, group: object): Promise<ScimAnswer> => this.send('PUT', `/Groups/${id}`, { schemas: [groupId], ...group });
  patch = (path: string, Operations: unknown, headers?: Record<string, string>): Promise<ScimAnswer> => this.send('PATCH', path, { schemas: [patchId], Operations }, headers);
  delete = (path: string): Promise<ScimAnswer> => this.send('DELETE', path);

  /** Makes a user of a name in the org's domain; gives their id. */
  async newUser(name: string = crypto.randomUUID(), more: object = {}): Promise<{ id: string; userName: string }> {
    const userName = `${name}@${this.#org.domain}`;
    const { status, body } = await this.createUser({ userName, displayName: name, ...more });
    if (status !== 201) throw new Error(`no user was made: ${JSON.stringify(body)}`);
    return { id: body.id as string, userName };
  }

  /** The userNames that a filter finds. */
  async found(filter: string): Promise<string[]> {
    const { body } = await this.get('/Users', { filter });
    return (body.Resources as { userName: string }[]).map(({ userName }) => userName).sort();
  }
}
