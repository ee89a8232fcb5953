import { OperatorError } from '@mainstay/deploy';
import type { Configuration, TokenEndpointResponse } from 'openid-client';
import type { Reachable } from './find-deployment.ts';

/** Tokens that a browser got for the command line. */
export interface BrowserTokens {
  accessToken: string;
  refreshToken: string;
  /** RFC 3339. */
  expiresAt: string;
}

/** What a person needs to confirm a login. */
export interface DeviceCode {
  /** Where to go, with the code in it. */
  address: string;
  /** What must stand there. */
  code: string;
  /** Seconds until it is too late. */
  seconds: number;
}

/** The provider knows it in every deployment. */
const clientId = 'mainstay-cli';

/**
 * Signs in through a browser, on this machine or another (RFC 8628): shows where to go, and waits until somebody logs in and confirms
 * there. They prove anew who they are, so that a code that was foisted on somebody is not confirmed in passing.
 */
export async function signInByBrowser(deployment: Reachable, show: (code: DeviceCode) => void): Promise<{ email: string; tokens: BrowserTokens }> {
  const { initiateDeviceAuthorization, pollDeviceAuthorizationGrant } = await import('openid-client');
  const provider = await discover(deployment);
  const device = await initiateDeviceAuthorization(provider, { scope: 'openid email offline_access api', prompt: 'login' }).catch((error: unknown) => failed(deployment, error));
  show({ address: device.verification_uri_complete ?? device.verification_uri, code: device.user_code, seconds: device.expires_in });
  const answer = await pollDeviceAuthorizationGrant(provider, device).catch((error: unknown) => failed(deployment, error));
  const email = answer.claims()?.email;
  if (typeof email !== 'string') throw new OperatorError('the login did not say whose it is; begin again with ./mainstay login');
  return { email, tokens: tokensOf(answer) };
}

/** New tokens for a session that began in a browser. Throws if it is over. */
export async function refreshFromProvider(deployment: Reachable, refreshToken: string): Promise<BrowserTokens> {
  const { refreshTokenGrant } = await import('openid-client');
  return tokensOf(await refreshTokenGrant(await discover(deployment), refreshToken));
}

async function discover(deployment: Reachable): Promise<Configuration> {
  const { allowInsecureRequests, discovery, None } = await import('openid-client');
  const server = new URL(deployment.address);
  // A deployment without TLS is one of this machine, or of a network that somebody trusts.
  const execute = server.protocol === 'http:' ? [allowInsecureRequests] : [];
  return discovery(server, clientId, undefined, None(), { execute }).catch((error: unknown) => failed(deployment, error));
}

function tokensOf({ access_token: accessToken, refresh_token: refreshToken = '', expires_in: seconds = 0 }: TokenEndpointResponse): BrowserTokens {
  return { accessToken, refreshToken, expiresAt: new Date(Date.now() + seconds * 1000).toISOString() };
}

/** What people are told of what the provider said. */
const reasons: Record<string, string> = {
  access_denied: 'the login was refused in the browser; nobody is signed in',
  expired_token: 'nobody confirmed the code in time; begin again with ./mainstay login',
};

function failed({ name, address }: Reachable, error: unknown): never {
  const { error: code, error_description: description, message, cause } = error as Error & { error?: string; error_description?: string };
  if (code !== undefined) throw new OperatorError(reasons[code] ?? `the login failed: ${description ?? code}`);
  if (cause instanceof Response && cause.status === 404) throw new OperatorError(`${name} has no accounts; enable sys-accounts to sign in`);
  throw new OperatorError(`${address} does not answer (${(cause as Error | undefined)?.message ?? message}); look with ./mainstay status`);
}
