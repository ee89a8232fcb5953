import type { Needs } from '../needs.ts';
import { newOpaqueToken } from '../opaque-token.ts';
import type { Depart, Wish } from './departure.ts';
import { addExternalLogin } from './external-logins.ts';
import type { ProviderRow } from './external-proof.ts';
import { departByOpenId } from './openid/depart.ts';
import { departSaml } from './saml/depart-saml.ts';

const departures: Readonly<Record<ProviderRow['kind'], Depart>> = { OIDC: departByOpenId, OAUTH2: departByOpenId, SAML: departSaml };

/** Begins a login at a provider for a page of a browser; gives where the browser goes. Throws `ProviderFailed`. */
export async function beginExternalLogin(needs: Needs, provider: ProviderRow, interactionUid: string, wish: Omit<Wish, 'state'>): Promise<string> {
  const state = newOpaqueToken();
  const { address, checks } = await departures[provider.kind](needs, provider, { ...wish, state });
  await needs.db.write((tx) => addExternalLogin(tx, needs, { state, providerId: provider.id, interactionUid, checks }));
  return address;
}
