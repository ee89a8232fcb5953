import type { ClientAuth, Configuration } from 'openid-client';
import type { OAuth2Settings, OidcSettings } from '../../../contract/index.ts';
import type { Needs } from '../../needs.ts';
import type { ProviderRow } from '../external-proof.ts';
import { secretOf } from '../provider-secret.ts';
import { providerRules, settingsOf } from '../provider-settings.ts';
import { askProvider } from './ask-provider.ts';

export type Library = typeof import('openid-client');

/** What a provider says of itself, and its keys, are believed so long by a process. */
const FRESH_MILLISECONDS = 300_000;
const MOST_KEPT = 1000;

type Settings = { case: 'oidc'; value: OidcSettings } | { case: 'oauth2'; value: OAuth2Settings };

/** How a provider is spoken to. */
export interface Spoken {
  client: Library;
  configuration: Configuration;
  settings: Settings;
}

const kept = new Map<string, { until: number; spoken: Promise<Spoken> }>();

/** How a provider is spoken to now: found out at the first login, and again after some minutes or a change. Throws what the library throws. */
export async function speakTo(needs: Needs, provider: ProviderRow): Promise<Spoken> {
  const name = `${needs.deployment.address} ${provider.id} ${provider.version}`;
  const found = kept.get(name);
  if (found && found.until > performance.now()) return found.spoken;
  const spoken = findOut(needs, provider);
  kept.delete(name);
  kept.set(name, { until: performance.now() + FRESH_MILLISECONDS, spoken });
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
  spoken.catch(() => {
    if (kept.get(name)?.spoken === spoken) kept.delete(name);
  });
  return spoken;
}

async function findOut(needs: Needs, provider: ProviderRow): Promise<Spoken> {
  const client = await import('openid-client');
  const settings = settingsOf(provider) as Settings;
  const secret = secretOf(needs, provider);
  const configuration = await (settings.case === 'oidc' ? discovered(needs, client, settings.value, secret) : entered(needs, client, settings.value, secret));
  requireAddress(needs, configuration.serverMetadata().authorization_endpoint);
  return { client, configuration, settings };
}

/** A provider says itself where browsers go; nothing else is made of that than an address. */
function requireAddress(needs: Needs, text = ''): void {
  const { protocol } = URL.parse(text) ?? { protocol: '' };
  if (protocol !== 'https:' && (providerRules(needs).isHttps || protocol !== 'http:')) throw new Error('its authorization endpoint is no https address');
}

/** Of OpenID Connect: what it says at its issuer. Its ID tokens are checked by its keys, whatever way they came. */
function discovered(needs: Needs, client: Library, { issuer, clientId }: OidcSettings, secret: string | undefined): Promise<Configuration> {
  const execute = [client.enableNonRepudiationChecks, ...(providerRules(needs).isHttps ? [] : [client.allowInsecureRequests])];
  return client.discovery(new URL(issuer), clientId, undefined, authentication(client, secret), { [client.customFetch]: askProvider(needs), execute });
}

/** Of OAuth 2.0 alone: what an administrator entered. */
async function entered(needs: Needs, client: Library, { issuer, authorizationEndpoint, tokenEndpoint, userinfoEndpoint, clientId }: OAuth2Settings, secret: string | undefined): Promise<Configuration> {
  const server = { authorization_endpoint: authorizationEndpoint, token_endpoint: tokenEndpoint, userinfo_endpoint: userinfoEndpoint };
  const named = issuer === '' ? { issuer: new URL(authorizationEndpoint).origin } : { issuer, authorization_response_iss_parameter_supported: true };
  const configuration = new client.Configuration({ ...server, ...named }, clientId, undefined, authentication(client, secret));
  configuration[client.customFetch] = askProvider(needs);
  if (!providerRules(needs).isHttps) client.allowInsecureRequests(configuration);
  return configuration;
}

/** How this platform shows who it is: in the header, which all must know (RFC 6749, 2.3.1), unless the provider says that it takes the body alone. */
function authentication({ None, ClientSecretBasic, ClientSecretPost }: Library, secret: string | undefined): ClientAuth {
  if (secret === undefined) return None();
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported;
    return (methods?.includes('client_secret_post') && !methods.includes('client_secret_basic') ? post : basic)(server, ...rest);
  };
}
