import { readFileSync } from 'node:fs';
import { OperatorError, replaceFile, stateFolder } from '@mainstay/deploy';
import { demoAccounts, demoPassword } from '@mainstay/deploy/demo-logins';
import { refreshFromProvider, signInByBrowser, type DeviceCode } from './device-login.ts';
import type { Reachable } from './find-deployment.ts';

interface Tokens {
  accessToken: string;
  refreshToken: string;
  /** RFC 3339. */
  expiresAt: string;
  /** A browser got them, so it is the provider that refreshes them. */
  byBrowser?: boolean;
}

/** `sessions.json`: who is signed in on the command line, by e-mail address. */
interface Sessions {
  /** Who the CLI acts as unless told otherwise. */
  current?: string;
  tokens: Record<string, Tokens>;
}

/** The deployment did not sign someone in, for a reason of its errors' table. */
class Refused extends OperatorError {
  readonly reason: string | undefined;

  constructor(message: string, reason?: string) {
    super(message);
    this.reason = reason;
  }
}

const demoDefault = 'ada@acme.test';
/** A token that ends sooner, in milliseconds, is refreshed before it is used. */
const margin = 30_000;

/** What a person is asked for while they sign in. */
export interface Questions {
  /** Where the password is good for one login. */
  newPassword(): Promise<string>;
  /** Where the account has second factors; `sent`: a code is on its way by e-mail. */
  code(factors: readonly string[], sent: boolean): Promise<string>;
}

/** Signs in with a password, and a second factor where the account has one, and remembers the session as the current one. */
export async function signIn(deployment: Reachable, email: string, password: string, questions: Questions): Promise<void> {
  const answer = await post(deployment, '/v1/sessions', { email, password }).catch(async (error) => {
    if (!(error instanceof Refused) || error.reason !== 'sys-accounts.PASSWORD_CHANGE_REQUIRED') throw error;
    return post(deployment, '/v1/sessions', { email, password, newPassword: await questions.newPassword() });
  });
  remember(deployment, email, answer.challenge ? await passFactor(deployment, answer.challenge, questions) : tokensOf(answer));
}

/** Signs in through a browser, and remembers the session as the current one; gives whose it is. */
export async function signInElsewhere(deployment: Reachable, show: (code: DeviceCode) => void): Promise<string> {
  const { email, tokens } = await signInByBrowser(deployment, show);
  remember(deployment, email, { ...tokens, byBrowser: true });
  return email;
}

const remember = (deployment: Reachable, email: string, tokens: Tokens): void =>
  change(deployment, (sessions) => {
    sessions.current = email;
    sessions.tokens[email] = tokens;
  });

/** An empty answer where there is another way means that a code is to come by e-mail. */
async function passFactor(deployment: Reachable, { loginToken, factors }: Challenge, questions: Questions): Promise<Tokens> {
  const takesApp = factors.includes('TOTP');
  const takesEmail = factors.includes('EMAIL_CODE');
  const first = takesApp || !takesEmail ? await questions.code(factors, false) : '';
  const isSent = first === '' && takesEmail;
  if (isSent) await post(deployment, '/v1/sessions:sendLoginCode', { loginToken });
  const code = (isSent ? await questions.code(factors, true) : first).trim();
  const isShort = /^\d{6}$/.test(code);
  const proof = isShort ? (isSent ? { emailCode: code } : { totpCode: code }) : { recoveryCode: code };
  return tokensOf(await post(deployment, '/v1/sessions:continueLogin', { loginToken, proof }));
}

/** Ends the current session, or that of `email`, here and on the server; gives whose it was. */
export async function signOut(deployment: Reachable, email = read(deployment).current): Promise<string | undefined> {
  const tokens = email ? read(deployment).tokens[email] : undefined;
  if (!email || !tokens) return undefined;
  const headers = { authorization: `Bearer ${tokens.accessToken}` };
  // A session that has ended already needs no ending.
  await fetch(new URL('/v1/sessions/current', deployment.address), { method: 'DELETE', headers }).catch(() => {});
  change(deployment, (sessions) => {
    delete sessions.tokens[email];
    if (sessions.current === email) delete sessions.current;
  });
  return email;
}

/** An access token for the account to act as: `email`, else who signed in last, else in a demo its usual user. */
export async function accessToken(deployment: Reachable, email?: string): Promise<string | undefined> {
  const demo = 'DT'.includes(deployment.phase);
  const sessions = read(deployment);
  const who = email ?? sessions.current ?? (demo ? demoDefault : undefined);
  if (!who) return undefined;
  const tokens = sessions.tokens[who];
  if (tokens && Date.parse(tokens.expiresAt) - margin > Date.now()) return tokens.accessToken;
  const renewed = (tokens && (await refresh(deployment, who, tokens))) ?? (await signInToDemo(deployment, demo, who));
  change(deployment, (sessions) => { sessions.tokens[who] = renewed; });
  return renewed.accessToken;
}

/** Whether the account to act as is one of a demo's, for which nobody is asked. */
export const signsInByItself = (deployment: Reachable, email = read(deployment).current ?? demoDefault): boolean =>
  'DT'.includes(deployment.phase) && demoAccounts.some((account) => account.email === email);

/** Forgets the tokens of an account, so that the next call signs in anew: the server did not accept them. */
export const forget = (deployment: Reachable, email?: string): void =>
  change(deployment, (sessions) => { delete sessions.tokens[email ?? sessions.current ?? demoDefault]; });

/** A session that was ended elsewhere cannot be refreshed: nothing, then. One that another command refreshed meanwhile is as that left it. */
async function refresh(deployment: Reachable, who: string, { refreshToken, byBrowser = false }: Tokens): Promise<Tokens | undefined> {
  try {
    return byBrowser ? { ...(await refreshFromProvider(deployment, refreshToken)), byBrowser } : tokensOf(await post(deployment, '/v1/sessions:refresh', { refreshToken }));
  } catch {
    const now = read(deployment).tokens[who];
    return now?.refreshToken === refreshToken ? undefined : now;
  }
}

async function signInToDemo(deployment: Reachable, demo: boolean, email: string): Promise<Tokens> {
  if (!demo || !demoAccounts.some((account) => account.email === email)) throw new OperatorError(`${email} is not signed in here; sign in with ./mainstay login ${email}`);
  const answer = await post(deployment, '/v1/sessions', { email, password: demoPassword });
  if (answer.challenge) throw new OperatorError(`${email} has a second factor; sign in with ./mainstay login ${email}`);
  return tokensOf(answer);
}

/** Tokens, or what it takes to get them. */
type Answer = Partial<Tokens> & { challenge?: Challenge };

interface Challenge {
  loginToken: string;
  factors: string[];
}

const tokensOf = ({ accessToken, refreshToken, expiresAt }: Answer): Tokens => ({ accessToken: accessToken!, refreshToken: refreshToken!, expiresAt: expiresAt! });

async function post({ address }: Reachable, path: string, body: unknown): Promise<Answer> {
  const response = await fetch(new URL(path, address), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).catch((error: Error) => {
    throw new OperatorError(`${address} does not answer (${(error.cause as Error | undefined)?.message || error.message}); look with ./mainstay status`);
  });
  const answer = (await response.json().catch(() => ({}))) as Answer & { detail?: string; title?: string; reason?: string };
  if (!response.ok) throw new Refused(answer.detail ?? answer.title ?? `signing in failed with status ${response.status}`, answer.reason);
  return answer;
}

function read({ name }: Reachable): Sessions {
  try {
    return JSON.parse(readFileSync(stateFolder(name).sessions, 'utf8')) as Sessions;
  } catch {
    return { tokens: {} };
  }
}

function change(deployment: Reachable, edit: (sessions: Sessions) => void): void {
  const sessions = read(deployment);
  edit(sessions);
  replaceFile(stateFolder(deployment.name).sessions, `${JSON.stringify(sessions, null, 2)}\n`);
}
