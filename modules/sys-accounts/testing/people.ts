import type { DescService } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import { decodeJwt } from 'jose';
import { Secret, TOTP } from 'otpauth';
import { AccountsService, Factor, SecondFactorsService, SessionsService, type SessionTokens } from '../contract/index.ts';
import { SoftwareAuthenticator } from './software-authenticator.ts';

export const password = 'correct horse battery';

/** What a person needs of a deployment. */
interface TestDeployment {
  client<S extends DescService>(service: S, as?: string): Promise<Client<S>>;
}

/** Somebody who has registered, and logs in as they like. */
export class Person {
  readonly email: string;
  readonly #deployment: TestDeployment;
  accountId = '';
  accessToken = '';
  sessionId = '';

  private constructor(deployment: TestDeployment, email: string) {
    this.#deployment = deployment;
    this.email = email;
  }

  /** Registers somebody new and signs them in. */
  static async in(deployment: TestDeployment, email = `${crypto.randomUUID()}@example.org`): Promise<Person> {
    const person = new Person(deployment, email);
    const accounts = await deployment.client(AccountsService);
    person.accountId = (await accounts.registerAccount({ email: person.email, password, displayName: 'Somebody' })).accountId;
    person.use(await person.logIn());
    return person;
  }

  /** Begins a login by password. */
  async logIn(more: { deviceToken?: string; password?: string } = {}): Promise<SessionTokens> {
    return (await this.sessions()).createSession({ email: this.email, password, ...more });
  }

  /** Goes on as the one who is signed in with these tokens. */
  use({ accessToken, sessionId }: SessionTokens): void {
    Object.assign(this, { accessToken, sessionId });
  }

  sessions() {
    return this.#deployment.client(SessionsService);
  }

  ownSessions() {
    return this.#deployment.client(SessionsService, this.accessToken);
  }

  factors() {
    return this.#deployment.client(SecondFactorsService, this.accessToken);
  }

  accounts() {
    return this.#deployment.client(AccountsService, this.accessToken);
  }

  /** Adds an authenticator app. */
  async addTotp(): Promise<{ app: App; recoveryCodes: string[]; secondFactorId: string }> {
    const factors = await this.factors();
    const { secondFactor, totpSecret } = await factors.createSecondFactor({ factor: Factor.TOTP, name: 'phone' });
    const app = new App(totpSecret);
    const secondFactorId = secondFactor!.secondFactorId;
    const { recoveryCodes } = await factors.confirmSecondFactor({ secondFactorId, proof: totp(app.codeNow()) });
    return { app, recoveryCodes, secondFactorId };
  }

  /** Adds a passkey. */
  async addPasskey(authenticator: SoftwareAuthenticator = this.authenticator()): Promise<{ authenticator: SoftwareAuthenticator; secondFactorId: string }> {
    const factors = await this.factors();
    const { secondFactor, passkeyOptions } = await factors.createSecondFactor({ factor: Factor.PASSKEY });
    const secondFactorId = secondFactor!.secondFactorId;
    await factors.confirmSecondFactor({ secondFactorId, proof: passkey(authenticator.create(passkeyOptions)) });
    return { authenticator, secondFactorId };
  }

  /** An authenticator that shows the deployment's own origin. */
  authenticator(options: ConstructorParameters<typeof SoftwareAuthenticator>[1] = {}): SoftwareAuthenticator {
    return new SoftwareAuthenticator(new URL(decodeJwt(this.accessToken).iss!).origin, options);
  }
}

/** An authenticator app, of which each step's code can be had by itself: a code is good once, and nobody waits half a minute. */
export class App {
  readonly #totp: TOTP;

  constructor(secret: string) {
    this.#totp = new TOTP({ secret: Secret.fromBase32(secret) });
  }

  /** The first code, to add the app with. */
  codeNow = (): string => this.#at(0);
  /** The code of the next step, which is good already: also if that begins before it arrives. */
  code = (): string => this.#at(1);
  /** One that is good no more. */
  oldCode = (): string => this.#at(-3);

  #at(steps: number): string {
    return this.#totp.generate({ timestamp: Date.now() + steps * 30_000 });
  }
}

export const totp = (value: string) => ({ proof: { case: 'totpCode' as const, value } });
export const passkey = (value: string) => ({ proof: { case: 'passkey' as const, value } });
export const recovery = (value: string) => ({ proof: { case: 'recoveryCode' as const, value } });
export const byPassword = (value = password) => ({ proof: { case: 'password' as const, value } });
