import type { Transaction } from '@mainstay/kernel';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { create } from '@bufbuild/protobuf';
import { Factor, LoginChallengeSchema, type LoginChallenge } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import type { Needs } from '../needs.ts';
import { factorsOf } from '../second-factors/factor-rows.ts';
import { requestOptions } from '../second-factors/passkeys.ts';
import { addLogin } from './waiting-logins.ts';

type Tx = Transaction<Tables>;
type NewLogin = Parameters<typeof addLogin>[1];

/** The surest first. */
const order = [Factor.PASSKEY, Factor.TOTP, Factor.EMAIL_CODE, Factor.RECOVERY_CODE];

/** Asks for one of the second factors of an account. */
export async function challenge(tx: Tx, needs: Pick<Needs, 'config' | 'deployment'>, login: NewLogin & { account_id: string }): Promise<LoginChallenge> {
  const rows = await factorsOf(tx, login.account_id).execute();
  const recovery = await tx.selectFrom('sys_accounts_recovery_codes').select('code_hash').where('account_id', '=', login.account_id).limit(1).executeTakeFirst();
  const has = new Set([...rows.map(({ kind }) => Factor[kind]), ...(recovery ? [Factor.RECOVERY_CODE] : [])]);
  const passkeys = rows.filter(({ kind }) => kind === 'PASSKEY');
  const asked = passkeys.length > 0 ? await requestOptions(needs, passkeys) : undefined;
  return waitingFor(tx, { ...login, challenge: asked?.challenge ?? null }, order.filter((factor) => has.has(factor)), asked?.options);
}

/** Asks for a passkey of whoever it is. */
export async function passkeyChallenge(tx: Tx, needs: Pick<Needs, 'config' | 'deployment'>, wantedOrg: string): Promise<LoginChallenge> {
  const { options, challenge } = await requestOptions(needs, []);
  return waitingFor(tx, { account_id: null, session_id: null, amr: [], wanted_org: wantedOrg || null, challenge }, [Factor.PASSKEY], options);
}

/** Asks for the password alone, of an account that has nothing else. */
export const passwordChallenge = (tx: Tx, login: NewLogin): Promise<LoginChallenge> => waitingFor(tx, login, [Factor.PASSWORD]);

async function waitingFor(tx: Tx, login: NewLogin, factors: Factor[], passkeyOptions = ''): Promise<LoginChallenge> {
  const { loginToken, expiresAt } = await addLogin(tx, login);
  return create(LoginChallengeSchema, { loginToken, factors, passkeyOptions, expireTime: timestampFromDate(expiresAt) });
}
