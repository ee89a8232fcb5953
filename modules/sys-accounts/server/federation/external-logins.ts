import type { Transaction } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import type { Needs } from '../needs.ts';
import { hashOf } from '../opaque-token.ts';
import { seal, unseal } from '../sealing.ts';
import { provenWithin } from '../second-factors/factor-rows.ts';
import type { ExternalProof, ProviderRow } from './external-proof.ts';

/** A login at a provider that is under way. */
export type ExternalLogin = Selectable<Tables['sys_accounts_external_logins']>;

/** What came back for a login: the login, its provider, and what the answer is checked with. */
export interface Taken {
  login: ExternalLogin;
  provider: ProviderRow;
  checks: Readonly<Record<string, string>>;
}

const [checksPurpose, proofPurpose] = ['checks of external logins', 'proofs of external logins'];
const inTime = sql<Date>`now() + ${provenWithin}`;

/** Lets a login wait for its browser to come back. */
export async function addExternalLogin(tx: Transaction<Tables>, { deployment }: Pick<Needs, 'deployment'>, begun: { state: string; providerId: string; interactionUid: string; checks: Readonly<Record<string, string>> }): Promise<void> {
  const { state, providerId, interactionUid, checks } = begun;
  const state_hash = hashOf(state);
  const sealed_checks = seal(deployment.secret, checksPurpose, state_hash.toString('hex'), JSON.stringify(checks));
  await tx.insertInto('sys_accounts_external_logins').values({ state_hash, provider_id: providerId, interaction_uid: interactionUid, sealed_checks, expires_at: inTime }).execute();
}

/**
 * Takes the login that a browser comes back for, whatever becomes of it: an answer is good once, also if two come at the same moment.
 * Nothing if there is no such login at this provider any more. Call it before anything else is written or asked.
 */
export async function takeExternalLogin({ db, deployment }: Pick<Needs, 'db' | 'deployment'>, providerId: string, state: string): Promise<Taken | undefined> {
  const login = await db.writeApart((tx) =>
    tx
      .updateTable('sys_accounts_external_logins')
      .set({ taken_at: sql<Date>`now()` })
      .where('state_hash', '=', hashOf(state))
      .where('provider_id', '=', providerId)
      .where('taken_at', 'is', null)
      .where('expires_at', '>', sql<Date>`now()`)
      .returningAll()
      .executeTakeFirst(),
  );
  const provider = login && (await usableProvider({ db }, login.provider_id));
  const checks = login && unseal(deployment.secret, checksPurpose, Buffer.from(login.state_hash).toString('hex'), login.sealed_checks);
  return provider && checks !== undefined ? { login, provider, checks: JSON.parse(checks) as Taken['checks'] } : undefined;
}

/** A provider through which people may log in. */
export const usableProvider = ({ db }: Pick<Needs, 'db'>, providerId: string): Promise<ProviderRow | undefined> =>
  db.read((q) => q.selectFrom('sys_accounts_identity_providers').selectAll().where('id', '=', providerId).where('disabled', '=', false).executeTakeFirst());

/** Keeps who came back, until the page of the same browser logs them in. */
export async function keepProof(tx: Transaction<Tables>, { deployment }: Pick<Needs, 'deployment'>, { id }: ExternalLogin, { provider: _, ...said }: ExternalProof): Promise<void> {
  const sealed_proof = seal(deployment.secret, proofPurpose, id, JSON.stringify(said));
  await tx.updateTable('sys_accounts_external_logins').set({ sealed_proof, expires_at: inTime }).where('id', '=', id).execute();
}

/** Who came back for a login of this page, if somebody did. */
export async function readProof({ db, deployment }: Pick<Needs, 'db' | 'deployment'>, loginId: string, interactionUid: string): Promise<ExternalProof | undefined> {
  const login = await db.read((q) => q.selectFrom('sys_accounts_external_logins').selectAll().where('id', '=', loginId).where('interaction_uid', '=', interactionUid).where('sealed_proof', 'is not', null).where('expires_at', '>', sql<Date>`now()`).executeTakeFirst());
  const provider = login && (await usableProvider({ db }, login.provider_id));
  const said = login && unseal(deployment.secret, proofPurpose, login.id, login.sealed_proof!);
  return provider && said !== undefined ? { ...(JSON.parse(said) as Omit<ExternalProof, 'provider'>), provider } : undefined;
}

/** Uses a login up: of several who finish it at once, one is told that it was there. */
export async function useUpProof(tx: Transaction<Tables>, loginId: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('sys_accounts_external_logins').where('id', '=', loginId).executeTakeFirst();
  return numDeletedRows > 0n;
}
