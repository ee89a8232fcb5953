import { currentCall, currentTime, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { AccountRow } from '../account-message.ts';
import { passwordMark, rememberPlace } from '../second-factors/remembered-devices.ts';
import { endSessions } from '../sessions.ts';
import { acrOf } from './amr.ts';

type Tx = Transaction<Tables>;

/** Who proved who they are, and how: what a session or an ID token says of it. */
export interface Authentication {
  accountId: string;
  /** The org to act in. */
  orgId: string;
  /** How (RFC 8176). */
  amr: readonly string[];
  /** How sure that makes it. */
  acr: string;
  authTime: Date;
  /** If the device is to be remembered: what it shows at its next login. */
  deviceToken?: string;
}

/** A login of which everything that was asked for is proved. */
export interface ProvenLogin {
  account: AccountRow;
  amr: readonly string[];
  wantedOrg: string;
  /** The password that was shown, if one was: if there is another now, somebody changed it meanwhile. */
  mark: Uint8Array | null;
  /** The hash to keep of the password from now on, if another; and whether it is that of a new password. */
  next: { hash: string | null; isNew: boolean };
}

/** Does what every login does in the end. Gives nothing if the account was locked, or its password changed, meanwhile. */
export async function finishLogin(tx: Tx, { account, amr, wantedOrg, mark, next }: ProvenLogin): Promise<Authentication | undefined> {
  const orgId = await orgOfLogin(tx, account, wantedOrg);
  const { numUpdatedRows } = await tx
    .updateTable('sys_accounts_accounts')
    .set({ last_login_at: sql<Date>`now()`, ...(next.hash !== null && { password_hash: next.hash }), ...(next.isNew && { password_change_required: false }) })
    .where('id', '=', account.id)
    .where('state', '=', 'ACTIVE')
    .$if(mark !== null, (same) => same.where(sql`sha256(convert_to(password_hash, 'UTF8'))`, '=', mark))
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return undefined;
  if (next.isNew) await endSessions(tx, { accountId: account.id });
  // The same password, hashed anew: the devices that it let be remembered still are.
  else if (next.hash !== null) await tx.updateTable('sys_accounts_remembered_devices').set({ password_mark: passwordMark(next.hash) }).where('account_id', '=', account.id).where('password_mark', '=', passwordMark(account.password_hash)).execute();
  rememberPlace(tx, account.id, currentCall().clientAddress);
  return { accountId: account.id, orgId, amr, acr: acrOf(amr), authTime: currentTime() };
}

/** The org that a login acts in: the one it wants, else the one the person joined first, else the personal one. */
export async function orgOfLogin(tx: Tx, account: AccountRow, wanted: string): Promise<string> {
  const grants = await tx.selectFrom('sys_accounts_role_grants').select('scope_org').where('account_id', '=', account.id).execute();
  const isMember = (orgId: string) => grants.some(({ scope_org }) => scope_org === orgId);
  if (wanted && !isMember(wanted)) throw errors.ORG_NOT_FOUND({ orgId: wanted });
  if (wanted) return wanted;
  return account.home_org && isMember(account.home_org) ? account.home_org : account.personal_org;
}
