import { currentCall, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { FactorProof, LoginChallenge } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { AccountRow } from '../account-message.ts';
import { mayUsePassword } from '../federation/password-rule.ts';
import { LoginFailures } from '../login-failures.ts';
import type { Needs } from '../needs.ts';
import { checkNewPassword } from '../password-strength/check-new-password.ts';
import { hashPassword, isOutdated } from '../passwords.ts';
import { inTurnOf, provePassword } from '../prove-password.ts';
import { hasSecondFactor } from '../second-factors/factor-rows.ts';
import { usedCredential } from '../second-factors/passkeys.ts';
import { isRemembered, passwordMark, rememberDevice } from '../second-factors/remembered-devices.ts';
import { mergeAmr } from './amr.ts';
import { challenge, passkeyChallenge } from './challenge.ts';
import { finishLogin, orgOfLogin, type Authentication, type ProvenLogin } from './finish-login.ts';
import { passFactor } from './pass-factor.ts';
import { takeTry, useUp, type LoginRow } from './waiting-logins.ts';

type Tx = Transaction<Tables>;
type Person = AccountRow & { has_second_factor: boolean };

/** What a login begins with. */
export interface LoginClaim {
  email: string;
  password: string;
  /** Replaces the password; may be empty. */
  newPassword: string;
  /** The org to act in; may be empty. */
  org: string;
  /** What a remembered device shows; may be empty. */
  deviceToken: string;
}

/** Begins what the login is for, such as a session, in the transaction that ends the login. */
export type Begin<T> = (tx: Tx, who: Authentication) => Promise<T>;

/** A login is done, or it waits for a factor. */
export type LoginStep<T> = { done: T; challenge?: undefined } | { done?: undefined; challenge: LoginChallenge };

/*
 *   password ──▶ is it right? ──▶ no second factor, or a remembered device ──────────▶ done
 *                    │                                                                  ▲
 *                    └──▶ has a second factor ──▶ WAITING ──── factor is right ─────────┤
 *   passkey alone ──────────────────────────────▶ WAITING ──── passkey verified ────────┘
 *                                                   │ ▲
 *                                                   └─┘ factor is wrong, five times at most
 *
 *   WAITING is a row of sys_accounts_logins, and over after 10 minutes. Who passes the factor removes it, in the
 *   transaction in which the session begins: a token is never good for more than one. What a session is named by is made
 *   there too, so nobody can hand another person a session of their own to fill.
 */

/** Begins a login by password: it is done, or asks for a second factor. Throws like `provePassword`, and for locked accounts. */
export async function beginLogin<T>(needs: Needs, claim: LoginClaim, begin: Begin<T>): Promise<LoginStep<T>> {
  const attempt = async () => afterPassword(needs, claim, await proveAccount(needs, claim), begin);
  // An account that was changed between the proof and the login is proved again as it is now.
  const step = (await attempt()) ?? (await attempt());
  if (!step) throw errors.WRONG_CREDENTIALS();
  if (!step.challenge) await failuresOf(needs, claim.email).forget();
  return step;
}

/** Begins a login by a passkey that finds its account by itself. */
export const beginPasskeyLogin = (needs: Needs, org: string): Promise<LoginChallenge> => needs.db.write((tx) => passkeyChallenge(tx, needs, org));

/** Passes a factor that a login asked for. Throws `FACTOR_WRONG`, `LOGIN_OVER`, and `TOO_MANY_ATTEMPTS` after too many wrong ones. */
export async function continueLogin<T>(needs: Needs, given: { loginToken: string; proof: FactorProof; rememberDevice: boolean }, begin: Begin<T>): Promise<T> {
  const login = await takeTry(needs.db, given.loginToken);
  if (!login || login.session_id !== null) throw errors.LOGIN_OVER();
  const account = await accountOf(needs, login, given.proof);
  if (!account) throw errors.FACTOR_WRONG();
  // Who shows a passkey of somebody has not shown their password, so must not keep them out by showing it wrong.
  const failures = failuresOf(needs, account.email ?? '', login.account_id ?? undefined);
  const done = await inTurnOf(failures, errors.FACTOR_WRONG(), () => needs.db.write(async (tx) => {
    const added = await passFactor(tx, needs, account.id, login, given.proof);
    if (!added) return undefined;
    // Only who has proved who they are learns how the account stands.
    refuseLocked(account);
    const who = (await useUp(tx, login)) ? await finishLogin(tx, provenBy(login, account, added)) : undefined;
    if (!who) throw errors.LOGIN_OVER();
    const mark = passwordMark(login.next_password_hash ?? account.password_hash);
    const deviceToken = given.rememberDevice ? await rememberDevice(tx, needs.config, account.id, mark, currentCall().clientAddress) : undefined;
    return begin(tx, { ...who, ...(deviceToken && { deviceToken }) });
  }));
  await failures.forget();
  return done;
}

/** Finds the account and checks the password; an unknown address is answered like a wrong password. */
async function proveAccount(needs: Needs, { email, password }: LoginClaim): Promise<Person> {
  const found = await needs.db.read((q) => q.selectFrom('sys_accounts_accounts as a').selectAll('a').select(hasSecondFactor.as('has_second_factor')).where(sql`lower(email)`, '=', email.toLowerCase()).executeTakeFirst());
  const account = await provePassword(needs, { email, account: found, wrong: errors.WRONG_CREDENTIALS(), isFirstStep: true }, password);
  // One that is to be logged in to elsewhere is answered as one that there is not, and as soon.
  if (!(await mayUsePassword(needs, account))) throw errors.WRONG_CREDENTIALS();
  refuseLocked(account);
  return account;
}

/** Is done with a login, or asks for more; nothing if the account changed since it was read. */
async function afterPassword<T>(needs: Needs, claim: LoginClaim, account: Person, begin: Begin<T>): Promise<LoginStep<T> | undefined> {
  if (account.password_change_required && !claim.newPassword) throw errors.PASSWORD_CHANGE_REQUIRED();
  if (claim.newPassword) await checkNewPassword(needs.config, { password: claim.newPassword, email: account.email!, displayName: account.display_name, field: 'new_password' });
  const next = { hash: await nextHash(needs.config, claim, account), isNew: claim.newPassword !== '' };
  const proven: ProvenLogin = { account, amr: ['pwd'], wantedOrg: claim.org, mark: passwordMark(account.password_hash), next };
  return needs.db.write(async (tx) => {
    if (account.has_second_factor && !(await isRemembered(tx, needs.config, account, claim.deviceToken, currentCall().clientAddress))) return { challenge: await ask(tx, needs, proven) };
    const who = await finishLogin(tx, proven);
    return who && { done: await begin(tx, who) };
  });
}

async function ask(tx: Tx, needs: Needs, { account, amr, wantedOrg, mark, next }: ProvenLogin): Promise<LoginChallenge> {
  // Told before anybody takes out a phone.
  await orgOfLogin(tx, account, wantedOrg);
  return challenge(tx, needs, { account_id: account.id, session_id: null, amr: [...amr], wanted_org: wantedOrg || null, password_mark: mark, next_password_hash: next.hash, new_password: next.isNew });
}

/** The hash to keep from now on, if another: of a new password, or of this one with today's effort. */
async function nextHash(config: Needs['config'], { password, newPassword }: LoginClaim, { password_hash }: AccountRow): Promise<string | null> {
  if (newPassword) return hashPassword(config, newPassword);
  return password_hash !== null && isOutdated(config, password_hash) ? hashPassword(config, password) : null;
}

/** The account that a login is about; that of its passkey, where nobody said whose it is. */
async function accountOf({ db }: Needs, login: LoginRow, { proof }: FactorProof): Promise<AccountRow | undefined> {
  const accountId = login.account_id ?? (proof.case === 'passkey' ? await ownerOf(db, proof.value) : undefined);
  return accountId ? db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).executeTakeFirst()) : undefined;
}

async function ownerOf(db: Needs['db'], passkey: string): Promise<string | undefined> {
  const credential = usedCredential(passkey);
  const found = credential && (await db.read((q) => q.selectFrom('sys_accounts_second_factors').select('account_id').where('credential_id', '=', credential).where('confirmed_at', 'is not', null).executeTakeFirst()));
  return found?.account_id;
}

function provenBy(login: LoginRow, account: AccountRow, added: readonly string[]): ProvenLogin {
  return { account, amr: mergeAmr(login.amr, added), wantedOrg: login.wanted_org ?? '', mark: login.password_mark, next: { hash: login.next_password_hash, isNew: login.new_password } };
}

function refuseLocked({ state, lock_reason }: AccountRow): void {
  if (state === 'LOCKED') throw errors.ACCOUNT_LOCKED({ reason: lock_reason });
  if (state === 'DORMANT') throw errors.ACCOUNT_DORMANT();
}

const failuresOf = (needs: Needs, email: string, accountId?: string): LoginFailures => new LoginFailures(needs, email, currentCall().clientAddress, accountId);
