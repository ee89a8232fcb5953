import type { TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client';
import type { OAuth2Settings, OidcSettings } from '../../../contract/index.ts';
import type { Needs } from '../../needs.ts';
import { addressesOf } from '../addresses.ts';
import { ProviderFailed } from '../departure.ts';
import type { Taken } from '../external-logins.ts';
import type { ExternalProof } from '../external-proof.ts';
import { speakTo, type Spoken } from './configurations.ts';
import { orFailed } from './or-failed.ts';
import { personOfClaims, type ClaimNames } from './person-of-claims.ts';

type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;
type Claims = Record<string, unknown>;

/** As far as clocks may differ. */
const skewSeconds = 30;

/**
 * Redeems the code that a browser came back with, and finds out who it is. The answer must be of the provider that was asked (`iss`, RFC
 * 9207), the code of the request that was made (PKCE), and the ID token of both (OpenID Connect Core, 3.1.3.7). Throws `ProviderFailed`.
 */
export const proveByOpenId = (needs: Needs, { provider, checks }: Taken, state: string, query: URLSearchParams): Promise<ExternalProof> =>
  orFailed(async () => {
    if (checks.version !== String(provider.version)) throw new ProviderFailed('its settings were changed meanwhile');
    const spoken = await speakTo(needs, provider);
    const answer = new URL(addressesOf(needs.deployment, provider.id).redirectUri);
    answer.search = query.toString();
    const tokens = await spoken.client.authorizationCodeGrant(spoken.configuration, answer, {
      expectedState: state,
      pkceCodeVerifier: checks.codeVerifier!,
      ...(spoken.settings.case === 'oidc' && { expectedNonce: checks.nonce!, idTokenExpected: true, ...(checks.maxAge !== undefined && { maxAge: Number(checks.maxAge) }) }),
    });
    if (checks.again !== undefined) requireFresh(tokens, Number(checks.again));
    const { claims, names } = await (spoken.settings.case === 'oidc' ? claimsOfTokens(spoken, spoken.settings.value, tokens) : claimsOfUserinfo(spoken, spoken.settings.value, tokens));
    const person = personOfClaims(claims, names);
    if (!person) throw new ProviderFailed(`it does not say who it is: there is no claim ${names.subject}`);
    return { ...person, provider, amr: amrOf(claims[0]!, spoken.settings) };
  });

/** Who had to prove anew who they are did so after they left for the provider, if it says when they did. */
function requireFresh(tokens: Tokens, since: number): void {
  const provenAt = tokens.claims()?.auth_time;
  if (provenAt !== undefined && provenAt < since - skewSeconds) throw new ProviderFailed('it did not ask the person anew, as it was told to (prompt=login)');
}

/** Of the ID token, and of the userinfo endpoint what it does not tell. */
async function claimsOfTokens({ client, configuration }: Spoken, { groupsClaim }: OidcSettings, tokens: Tokens): Promise<{ claims: Claims[]; names: ClaimNames }> {
  const names = { subject: 'sub', email: 'email', emailVerified: 'email_verified', name: 'name', groups: groupsClaim || 'groups' };
  const token: Claims = tokens.claims()!;
  const isWhole = [names.email, names.emailVerified, names.name, names.groups].every((name) => token[name] !== undefined);
  if (isWhole || !configuration.serverMetadata().userinfo_endpoint) return { claims: [token], names };
  return { claims: [token, await client.fetchUserInfo(configuration, tokens.access_token, String(token.sub))], names };
}

async function claimsOfUserinfo({ client, configuration }: Spoken, settings: OAuth2Settings, tokens: Tokens): Promise<{ claims: Claims[]; names: ClaimNames }> {
  const { subjectClaim, emailClaim, emailVerifiedClaim, nameClaim, groupsClaim, userinfoEndpoint } = settings;
  const names = { subject: subjectClaim || 'sub', email: emailClaim || 'email', emailVerified: emailVerifiedClaim || 'email_verified', name: nameClaim || 'name', groups: groupsClaim || 'groups' };
  const answer = await client.fetchProtectedResource(configuration, tokens.access_token, new URL(userinfoEndpoint), 'GET', undefined, new Headers({ accept: 'application/json' }));
  if (answer.status !== 200) throw new ProviderFailed(`its userinfo endpoint answered ${answer.status}`);
  const claims = (await answer.json()) as Claims | null;
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) throw new ProviderFailed('its userinfo endpoint answered no JSON object');
  return { claims: [claims], names };
}

/** How the person proved who they are, as the ID token says: by `amr`, or by an `acr` that means two factors there. */
function amrOf({ amr, acr }: Claims, settings: Spoken['settings']): string[] {
  if (settings.case !== 'oidc') return [];
  const methods = Array.isArray(amr) ? amr.filter((method): method is string => typeof method === 'string' && /^[\w.:/-]{1,100}$/.test(method)).slice(0, 20) : [];
  const isTwo = typeof acr === 'string' && settings.value.twoFactorsAcrValues.includes(acr);
  return isTwo ? [...new Set([...methods, 'mfa'])] : methods;
}
