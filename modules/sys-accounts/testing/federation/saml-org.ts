import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TestDeployment } from '@mainstay/testing';
import type { IdentityProvider, IdentityProviderSchema, SamlSettingsSchema } from '../../contract/index.ts';
import type { Shown } from '../browser.ts';
import type { Do, SamlIdp } from '../judges/saml-idp.ts';
import { TestOrg } from '../test-org.ts';
import { connect, FederatedLogin } from './federated-login.ts';

type Settings = MessageInitShape<typeof SamlSettingsSchema>;

/** A person of the directory of an org. */
export interface Employee {
  email: string;
  nameId: string;
  attributes: Record<string, string[]>;
}

/** An org whose people log in at a SAML provider. */
export class SamlOrg {
  readonly org: TestOrg;
  readonly idp: SamlIdp;
  readonly provider: IdentityProvider;

  private constructor(org: TestOrg, idp: SamlIdp, provider: IdentityProvider) {
    this.org = org;
    this.idp = idp;
    this.provider = provider;
  }

  static async in(deployment: TestDeployment, idp: SamlIdp, changes: MessageInitShape<typeof IdentityProviderSchema> = {}, settings: Settings = {}): Promise<SamlOrg> {
    const org = await TestOrg.in(deployment);
    await org.own();
    const value = { entityId: idp.entityId, signInUrl: idp.signInUrl, logoutUrl: idp.logoutUrl, certificates: [await idp.certificate()], ...settings };
    const made = new SamlOrg(org, idp, await connect(org, { settings: { case: 'saml', value }, ...changes }));
    await idp.learn(await (await fetch(made.addresses.samlMetadataUrl)).text());
    return made;
  }

  get addresses() {
    return this.provider.ownAddresses!;
  }

  /** Somebody new of the directory. */
  employee(attributes: Record<string, string[]> = {}): Employee {
    const nameId = crypto.randomUUID();
    const email = `${nameId}@${this.org.domain}`;
    return { nameId, email, attributes: { mail: [email], displayName: ['Grace'], ...attributes } };
  }

  /** Goes through a login as far as it goes by itself, with an answer as the provider gives it, or as it should not. */
  async logIn(employee: Employee, { params = {}, what = {}, flow }: { params?: Record<string, string>; what?: Do; flow?: FederatedLogin } = {}): Promise<FederatedLogin> {
    const login = flow ?? (await FederatedLogin.at(this.org.deployment, params));
    await this.comeBack(login, await this.answer(login, employee, what));
    return login;
  }

  /** Goes to the provider, which answers. */
  async answer(login: FederatedLogin, { email, nameId, attributes }: Employee, what: Do = {}) {
    return this.idp.answer(await login.leave(email), { person: { nameId, attributes }, ...what });
  }

  /** Comes back with an answer, as the page of the provider posts it. */
  async comeBack(login: FederatedLogin, { action, fields }: { action: string; fields: { SAMLResponse: string; RelayState: string } }): Promise<Shown> {
    return (login.page = await login.browser.postFrom(this.idp.address, action, fields));
  }
}
