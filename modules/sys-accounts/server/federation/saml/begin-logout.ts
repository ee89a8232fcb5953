import { sql } from 'kysely';
import type { Needs } from '../../needs.ts';
import { hashOf, newOpaqueToken } from '../../opaque-token.ts';
import { provenWithin } from '../../second-factors/factor-rows.ts';
import { usableProvider } from '../external-logins.ts';
import { newMessageId } from './depart-saml.ts';
import { nameIdOf, type SamlSession } from './saml-sessions.ts';
import { samlLibrary, samlSide } from './saml-settings.ts';

/** Where a browser, whose login here is over, is logged out at the provider too; nothing if it was logged in through none that wants to know. */
export async function beginSamlLogout(needs: Needs, sessionUid: string, returnTo: string): Promise<string | undefined> {
  const sessions = await needs.db.write((tx) => tx.deleteFrom('sys_accounts_saml_sessions').where('session_uid', '=', sessionUid).returningAll().execute());
  // The newest first: what was begun there before is over.
  for (const session of sessions.sort((a, b) => (a.id < b.id ? 1 : -1))) {
    const address = await tellProvider(needs, session, returnTo);
    if (address !== undefined) return address;
  }
  return undefined;
}

async function tellProvider(needs: Needs, session: SamlSession, returnTo: string): Promise<string | undefined> {
  const provider = await usableProvider(needs, session.provider_id);
  const side = provider && (await samlSide(needs, provider));
  const nameId = nameIdOf(needs, session);
  if (!side || side.settings.logoutUrl === '' || !nameId) return undefined;
  const [state, requestId] = [newOpaqueToken(), newMessageId()];
  await needs.db.write((tx) => tx.insertInto('sys_accounts_saml_logouts').values({ state_hash: hashOf(state), provider_id: provider.id, request_id: requestId, return_to: returnTo, expires_at: sql<Date>`now() + ${provenWithin}` }).execute());
  const library = await samlLibrary(side, side.settings.certificates, { generateUniqueId: () => requestId });
  return library.getLogoutUrlAsync({ issuer: side.settings.entityId, ...nameId, ...(session.session_index !== '' && { sessionIndex: session.session_index }) }, state, {});
}
