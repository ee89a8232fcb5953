import type { Transaction } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import type { AdapterPayload } from 'oidc-provider';
import type { Tables } from '../../../database/tables.ts';
import type { Needs } from '../../needs.ts';
import { keyedHash, seal, unseal } from '../../sealing.ts';
import { endSessions } from '../../sessions.ts';
import type { ExternalProof } from '../external-proof.ts';

type Tx = Transaction<Tables>;
type Means = Pick<Needs, 'deployment' | 'config'>;

/** Who is logged in at a provider and through it here, in one browser. */
export type SamlSession = Selectable<Tables['sys_accounts_saml_sessions']>;

/** What a provider calls somebody, as a logout repeats it (Core, 2.2.3). */
export interface NameId {
  nameID: string;
  nameIDFormat: string;
  nameQualifier?: string;
  spNameQualifier?: string;
}

const purpose = 'saml name ids';
const hashed = ({ deployment }: Pick<Needs, 'deployment'>, providerId: string, nameId: string): Buffer => keyedHash(deployment.secret, purpose, `${providerId} ${nameId}`);

/** Keeps that the person of a page logged in through a provider, so that a logout at one side is one at the other. Of other protocols nothing is kept. */
export async function noteSamlLogin(tx: Tx, means: Means, { provider, nameId, sessionIndex }: ExternalProof, login: { accountId: string; interactionUid: string }): Promise<void> {
  if (nameId === undefined) return;
  const { nameID } = JSON.parse(nameId) as NameId;
  const sealed_name_id = seal(means.deployment.secret, purpose, provider.id, nameId);
  const expires_at = sql<Date>`now() + ${means.config.sessionDays} * interval '1 day'`;
  await tx.insertInto('sys_accounts_saml_sessions').values({ provider_id: provider.id, account_id: login.accountId, interaction_uid: login.interactionUid, name_id_hash: hashed(means, provider.id, nameID), sealed_name_id, session_index: sessionIndex ?? '', expires_at }).execute();
}

/** The page has become a login of the browser: which one. */
export async function bindSamlLogin(tx: Tx, interactionUid: string, sessionUid: string): Promise<void> {
  await tx.updateTable('sys_accounts_saml_sessions').set({ session_uid: sessionUid }).where('interaction_uid', '=', interactionUid).where('session_uid', 'is', null).execute();
}

/** The name id of a session, to be said to its provider. */
export function nameIdOf({ deployment }: Pick<Needs, 'deployment'>, { provider_id, sealed_name_id }: SamlSession): NameId | undefined {
  const opened = unseal(deployment.secret, purpose, provider_id, sealed_name_id);
  return opened === undefined ? undefined : (JSON.parse(opened) as NameId);
}

/** Ends all that somebody has here through a login at a provider: of the sessions that it names, or of all if it names none. Gives how many there were. */
export async function endSamlSessions(tx: Tx, means: Means, ended: { providerId: string; nameId: string; sessionIndexes: readonly string[] }): Promise<number> {
  const { providerId, nameId, sessionIndexes } = ended;
  const sessions = await tx
    .deleteFrom('sys_accounts_saml_sessions')
    .where('provider_id', '=', providerId)
    .where('name_id_hash', '=', hashed(means, providerId, nameId))
    .$if(sessionIndexes.length > 0, (named) => named.where('session_index', 'in', sessionIndexes))
    .returning('session_uid')
    .execute();
  for (const { session_uid } of sessions) if (session_uid !== null) await endBrowserLogin(tx, means, session_uid);
  return sessions.length;
}

/** Ends a login of a browser, and what clients were granted in it; they are told. */
async function endBrowserLogin(tx: Tx, { deployment }: Means, sessionUid: string): Promise<void> {
  const found = await tx.deleteFrom('sys_accounts_oauth_artifacts').where('kind', '=', 'Session').where('uid', '=', sessionUid).returning('sealed').execute();
  for (const { sealed } of found) {
    const payload = unseal(deployment.secret, 'oauth', 'Session', sealed);
    const { authorizations } = (payload === undefined ? {} : JSON.parse(payload)) as AdapterPayload;
    for (const { grantId } of Object.values(authorizations ?? {})) if (grantId) await endSessions(tx, { sessionId: grantId });
  }
}
