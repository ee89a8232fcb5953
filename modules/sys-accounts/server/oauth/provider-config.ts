import type { Configuration, errors as ProviderErrors, interactionPolicy, JWKS, KoaContextWithOIDC } from 'oidc-provider';
import { assuranceLevels } from '../../contract/index.ts';
import type { Needs } from '../needs.ts';
import { keyedHash } from '../sealing.ts';
import { Artifacts } from './artifacts.ts';
import { firstPartyClients } from './first-party.ts';
import { devicePages, logoutPages, problemPage } from './pages/provider-pages.ts';
import { findProviderAccount } from './provider-account.ts';
import { claimsOfScopes, resourceScopes } from './scopes.ts';

/** Seconds that each thing lasts, unless the configuration says. */
const lifetimes = { AuthorizationCode: 60, DeviceCode: 600, Interaction: 3600, PushedAuthorizationRequest: 60, ReplayDetection: 3600, Grant: 366 * 86_400 };

const es256 = 'ES256';

/** How the provider of this deployment is set up; what it follows is named in the module's README. */
export function providerConfig(needs: Needs, jwks: JWKS, { errors, policy }: { errors: typeof ProviderErrors; policy: ReturnType<typeof interactionPolicy.base> }): Configuration {
  const { config, deployment } = needs;
  const session = config.sessionDays * 86_400;
  return {
    adapter: (kind: string) => new Artifacts(kind, needs, (why) => new errors.InvalidGrant(why)),
    jwks,
    clients: [...firstPartyClients(deployment.address)],
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    extraClientMetadata: { properties: ['owner_org', 'service_role'] },
    findAccount: (_ctx, accountId) => findProviderAccount(needs, accountId),
    claims: claimsOfScopes,
    scopes: [...Object.keys(claimsOfScopes), 'offline_access'],
    // Clients that ask for this platform's API get no token for the userinfo endpoint beside it.
    conformIdTokenClaims: false,
    acrValues: [...assuranceLevels],
    interactions: { policy, url: (_ctx, { uid }) => `/oauth2/interaction/${uid}` },
    subjectTypes: ['public'],
    responseTypes: ['code'],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    clockTolerance: 5,
    issueRefreshToken: async (_ctx, client, source) => client.grantTypeAllowed('refresh_token') && (source.scopes.has('offline_access') || client.applicationType === 'native'),
    expiresWithSession: async (ctx, source) => !source.scopes.has('offline_access') && ctx.oidc.client?.applicationType !== 'native',
    extraTokenClaims: async (_ctx, token) => ({ sid: 'grantId' in token && token.grantId ? token.grantId : token.clientId }),
    clientBasedCORS: (_ctx, origin, client) => (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    cookies: { keys: [keyedHash(deployment.secret, 'oauth cookies', 'signature').toString('base64url')], names: { session: 'mainstay_login', interaction: 'mainstay_interaction', resume: 'mainstay_resume' }, long: { signed: true, httpOnly: true, sameSite: 'lax' }, short: { signed: true, httpOnly: true, sameSite: 'lax' } },
    ttl: { ...lifetimes, AccessToken: config.accessTokenMinutes * 60, ClientCredentials: config.accessTokenMinutes * 60, IdToken: config.accessTokenMinutes * 60, RefreshToken: session, Session: session },
    routes,
    renderError: problemPage(needs),
    // It asks no other system for anything: keys of clients are in their metadata, and logouts are told by a job.
    fetch: () => Promise.reject(new Error('the provider asks no other systems')),
    enabledJWA: {
      idTokenSigningAlgValues: ['RS256', es256],
      clientAuthSigningAlgValues: ['RS256', 'PS256', es256, 'EdDSA'],
      dPoPSigningAlgValues: [es256, 'EdDSA', 'RS256'],
      requestObjectSigningAlgValues: ['RS256', 'PS256', es256, 'EdDSA'],
    },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    features: features(needs, errors),
  };
}

const routes = {
  authorization: '/oauth2/authorize',
  token: '/oauth2/token',
  revocation: '/oauth2/revoke',
  introspection: '/oauth2/introspect',
  userinfo: '/oauth2/userinfo',
  jwks: '/oauth2/jwks',
  pushed_authorization_request: '/oauth2/request',
  device_authorization: '/oauth2/device/authorize',
  code_verification: '/oauth2/device',
  end_session: '/oauth2/logout',
};

function features(needs: Needs, errors: typeof ProviderErrors): Configuration['features'] {
  const { deployment } = needs;
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async (_ctx, client, token) => client.clientAuthMethod !== 'none' && token.clientId === client.clientId },
    revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
    deviceFlow: { enabled: true, charset: 'base-20', mask: '****-****', ...devicePages(needs) },
    rpInitiatedLogout: { enabled: true, ...logoutPages(needs) },
    backchannelLogout: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, allowUnregisteredRedirectUris: false },
    dPoP: { enabled: true, nonceSecret: keyedHash(deployment.secret, 'dpop nonces', 'secret'), requireNonce: () => false },
    resourceIndicators: {
      enabled: true,
      // Whoever wants to call this platform need not say where it is.
      defaultResource: (ctx) => (wantsApi(ctx) ? audiencesOf(needs)[0]! : undefined),
      useGrantedResource: async () => true,
      getResourceServerInfo: (_ctx, resource) => {
        if (!audiencesOf(needs).includes(resource)) throw new errors.InvalidTarget();
        return { scope: resourceScopes.join(' '), audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: es256 } } };
      },
    },
  };
}

/** The addresses that tokens may be meant for: each is one of the deployment's. */
export const audiencesOf = ({ config, deployment }: Pick<Needs, 'config' | 'deployment'>): string[] => (config.audience.length > 0 ? config.audience : [deployment.address]);

function wantsApi({ oidc }: KoaContextWithOIDC): boolean {
  if (oidc.params?.grant_type === 'client_credentials') return true;
  return String(oidc.params?.scope ?? '').split(' ').some((scope) => (resourceScopes as readonly string[]).includes(scope));
}
