import { caller, currentCall, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { FactorProof, LoginChallenge } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { AccountRow } from '../account-message.ts';
import { LoginFailures } from '../login-failures.ts';
import type { Needs } from '../needs.ts';
import { verifyPassword } from '../passwords.ts';
import { inTurnOf } from '../prove-password.ts';
import { factorsOf } from '../second-factors/factor-rows.ts';
import type { SessionRow } from '../sessions.ts';
import { acrOf, mergeAmr } from './amr.ts';
import { challenge, passwordChallenge } from './challenge.ts';
import { passFactor } from './pass-factor.ts';
import { takeTry, useUp, type LoginRow } from './waiting-logins.ts';

type Tx = Transaction<Tables>;

/** Asks who is behind the present session: for a second factor if the account has one, else for the password. */
export function beginStepUp(needs: Needs): Promise<LoginChallenge> {
  return needs.db.write(async (tx) => {
    const session = await requireSession(tx);
    const login = { account_id: session.account_id, session_id: session.id, amr: session.amr, wanted_org: null };
    if (await hasFactors(tx, session.account_id)) return challenge(tx, needs, login);
    if (!(await hasPassword(tx, session.account_id))) throw errors.NOTHING_TO_SHOW();
    return passwordChallenge(tx, login);
  });
}

/** Passes a factor that `beginStepUp` asked for: the session is as sure as its proofs together, and as fresh as the last. */
export async function stepUp(needs: Needs, given: { loginToken: string; proof: FactorProof }): Promise<SessionRow> {
  const { accountId, sessionId } = caller();
  const login = await takeTry(needs.db, given.loginToken);
  if (!login || login.session_id !== sessionId) throw errors.LOGIN_OVER();
  const account = await needs.db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).executeTakeFirstOrThrow());
  const failures = new LoginFailures(needs, account.email ?? '', currentCall().clientAddress, accountId);
  const session = await inTurnOf(failures, errors.FACTOR_WRONG(), async () => {
    const isRightPassword = given.proof.proof.case === 'password' && (await verifyPassword(needs.config, account.password_hash, given.proof.proof.value));
    return needs.db.write(async (tx) => {
      const added = isRightPassword ? await asPassword(tx, account) : await passFactor(tx, needs, accountId, login, given.proof);
      return added && raise(tx, login, added);
    });
  });
  await failures.forget();
  return session;
}

/** The session that makes the call. Throws for an API key: no person is there to prove anything. */
export async function requireSession(tx: Tx): Promise<SessionRow> {
  const session = await tx.selectFrom('sys_accounts_sessions').selectAll().where('id', '=', caller().sessionId).executeTakeFirst();
  if (!session) throw errors.API_KEYS_ARE_FOR_PEOPLE();
  return session;
}

/** Adds what was proved just now to a session. */
export async function raiseSession(tx: Tx, session: Pick<SessionRow, 'id' | 'amr'>, added: readonly string[]): Promise<SessionRow | undefined> {
  const amr = mergeAmr(session.amr, added);
  tx.changed(session.id);
  return tx.updateTable('sys_accounts_sessions').set({ amr, acr: acrOf(amr), auth_time: sql<Date>`now()` }).where('id', '=', session.id).where('ended_at', 'is', null).returningAll().executeTakeFirst();
}

async function raise(tx: Tx, login: LoginRow, added: readonly string[]): Promise<SessionRow> {
  const raised = (await useUp(tx, login)) ? await raiseSession(tx, { id: login.session_id!, amr: login.amr }, added) : undefined;
  if (!raised) throw errors.LOGIN_OVER();
  return raised;
}

/** A password steps up an account that has nothing better. */
const asPassword = async (tx: Tx, account: AccountRow): Promise<readonly string[] | undefined> => ((await hasFactors(tx, account.id)) ? undefined : ['pwd']);

const hasPassword = async (tx: Tx, accountId: string): Promise<boolean> => (await tx.selectFrom('sys_accounts_accounts').select('id').where('id', '=', accountId).where('password_hash', 'is not', null).executeTakeFirst()) !== undefined;

const hasFactors = async (tx: Tx, accountId: string): Promise<boolean> => (await factorsOf(tx, accountId).limit(1).executeTakeFirst()) !== undefined;
