import { currentTime } from '@mainstay/kernel';
import type { Departure, Wish } from '../departure.ts';
import type { Needs } from '../../needs.ts';
import { addressesOf } from '../addresses.ts';
import type { ProviderRow } from '../external-proof.ts';
import { speakTo } from './configurations.ts';
import { orFailed } from './or-failed.ts';

const usualScopes = ['openid', 'email', 'profile'];

/** Begins a login by OpenID Connect or OAuth 2.0: an authorization request with PKCE (RFC 7636) and, where there are ID tokens, a nonce. */
export const departByOpenId = (needs: Needs, provider: ProviderRow, wish: Wish): Promise<Departure> =>
  orFailed(async () => {
    const { client, configuration, settings } = await speakTo(needs, provider);
    const codeVerifier = client.randomPKCECodeVerifier();
    const nonce = settings.case === 'oidc' ? client.randomNonce() : '';
    const scope = (settings.value.scopes.length > 0 || settings.case === 'oauth2' ? settings.value.scopes : usualScopes).join(' ');
    const address = client.buildAuthorizationUrl(configuration, {
      redirect_uri: addressesOf(needs.deployment, provider.id).redirectUri,
      state: wish.state,
      code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      ...(scope !== '' && { scope }),
      ...(settings.case === 'oidc' && { nonce, ...wishes(wish, settings.value.twoFactorsAcrValues) }),
    });
    return { address: address.href, checks: { codeVerifier, nonce, version: String(provider.version), ...(wish.maxAge !== undefined && { maxAge: String(wish.maxAge) }), ...(wish.again && { again: String(Math.floor(currentTime().getTime() / 1000)) }) } };
  });

/** What OpenID Connect lets be wished for (Core, 3.1.2.1). */
const wishes = ({ loginHint, again, maxAge, twoFactors }: Wish, acrValues: readonly string[]): Record<string, string> => ({
  ...(loginHint !== '' && { login_hint: loginHint }),
  ...(again && { prompt: 'login' }),
  ...(maxAge !== undefined && { max_age: String(maxAge) }),
  ...(twoFactors && acrValues.length > 0 && { acr_values: acrValues.join(' ') }),
});
