import { withViolations, type FieldViolation } from '@mainstay/kernel';
import { ClientAuthentication, ClientGrant, Role, type OAuthClient } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import type { ClientRow } from './find-client.ts';
import { redirectProblem } from './redirect-problem.ts';
import { allScopes, resourceScopes } from './scopes.ts';

const grantTypes = {
  [ClientGrant.AUTHORIZATION_CODE]: ['authorization_code', 'refresh_token'],
  [ClientGrant.DEVICE_CODE]: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
  [ClientGrant.CLIENT_CREDENTIALS]: ['client_credentials'],
  [ClientGrant.TOKEN_EXCHANGE]: ['urn:ietf:params:oauth:grant-type:token-exchange'],
  [ClientGrant.CLIENT_GRANT_UNSPECIFIED]: [],
} satisfies Record<ClientGrant, string[]>;

const authMethods = {
  [ClientAuthentication.CLIENT_AUTHENTICATION_UNSPECIFIED]: 'client_secret_basic',
  [ClientAuthentication.CLIENT_SECRET_BASIC]: 'client_secret_basic',
  [ClientAuthentication.CLIENT_SECRET_POST]: 'client_secret_post',
  [ClientAuthentication.PRIVATE_KEY_JWT]: 'private_key_jwt',
  [ClientAuthentication.NONE]: 'none',
} satisfies Record<ClientAuthentication, string>;

/** What a client's metadata (RFC 7591) holds, of what is not in columns of its own. */
export interface Metadata {
  grant_types: string[];
  response_types: string[];
  token_endpoint_auth_method: string;
  redirect_uris: string[];
  post_logout_redirect_uris?: string[];
  application_type: 'web' | 'native';
  backchannel_logout_uri?: string;
  backchannel_logout_session_required?: boolean;
  jwks?: { keys: object[] };
  scope?: string;
  dpop_bound_access_tokens?: boolean;
  require_pushed_authorization_requests?: boolean;
}

/** Whether a client proves itself by a secret. */
export const hasSecret = ({ token_endpoint_auth_method: method }: Metadata): boolean => method.startsWith('client_secret_');

/** The metadata of a client that somebody wants. Throws `CLIENT_UNFIT` with every field that is wrong. */
export function metadataOf(client: OAuthClient): Metadata {
  const problems = problemsOf(client);
  if (problems.length > 0) throw withViolations(errors.CLIENT_UNFIT({ problem: problems.map(({ description }) => description).join('; ') }), problems);
  const { redirectUris, postLogoutRedirectUris, backchannelLogoutUri, jwks, scopes } = client;
  const grants = [...new Set(client.grants.flatMap((grant) => grantTypes[grant]))];
  return {
    grant_types: grants,
    response_types: grants.includes('authorization_code') ? ['code'] : [],
    token_endpoint_auth_method: authMethods[client.authentication],
    redirect_uris: redirectUris,
    application_type: isOnDevices(client) ? 'native' : 'web',
    ...(postLogoutRedirectUris.length > 0 && { post_logout_redirect_uris: postLogoutRedirectUris }),
    ...(backchannelLogoutUri !== '' && { backchannel_logout_uri: backchannelLogoutUri, backchannel_logout_session_required: true }),
    ...(jwks !== '' && { jwks: JSON.parse(jwks) as { keys: object[] } }),
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(client.requiresDpop && { dpop_bound_access_tokens: true }),
    ...(client.requiresPushedRequests && { require_pushed_authorization_requests: true }),
  };
}

/** The client as its administrators see it, of what its metadata says. */
export function fieldsOf({ metadata }: Pick<ClientRow, 'metadata'>) {
  const known = metadata as unknown as Metadata;
  const keys = Object.keys(grantTypes).map(Number) as ClientGrant[];
  return {
    grants: keys.filter((grant) => grantTypes[grant][0] !== undefined && known.grant_types.includes(grantTypes[grant][0])),
    authentication: Number(Object.entries(authMethods).findLast(([, method]) => method === known.token_endpoint_auth_method)?.[0] ?? 0) as ClientAuthentication,
    redirectUris: known.redirect_uris,
    postLogoutRedirectUris: known.post_logout_redirect_uris ?? [],
    backchannelLogoutUri: known.backchannel_logout_uri ?? '',
    jwks: known.jwks ? JSON.stringify(known.jwks) : '',
    scopes: known.scope?.split(' ') ?? [],
    requiresDpop: known.dpop_bound_access_tokens ?? false,
    requiresPushedRequests: known.require_pushed_authorization_requests ?? false,
  };
}

const isOnDevices = ({ authentication, redirectUris }: OAuthClient): boolean => authentication === ClientAuthentication.NONE && !redirectUris.every((uri) => uri.startsWith('https://'));

function problemsOf(client: OAuthClient): FieldViolation[] {
  const { grants, authentication, redirectUris, postLogoutRedirectUris, backchannelLogoutUri, jwks, serviceRole, scopes } = client;
  const problems: FieldViolation[] = [];
  const wrong = (field: string, description: string) => void problems.push({ field: `oauth_client.${field}`, description, reason: `client.${field}` });
  const isPublic = authentication === ClientAuthentication.NONE;
  const byItself = grants.includes(ClientGrant.CLIENT_CREDENTIALS);
  if (grants.length === 0) wrong('grants', 'say how it gets tokens');
  if (isPublic && (byItself || grants.includes(ClientGrant.TOKEN_EXCHANGE))) wrong('authentication', 'who keeps no secret can not have tokens for itself, nor for others');
  if (grants.includes(ClientGrant.AUTHORIZATION_CODE) !== redirectUris.length > 0) wrong('redirect_uris', redirectUris.length > 0 ? 'only a client with AUTHORIZATION_CODE has them' : 'a client with AUTHORIZATION_CODE has one at least');
  for (const uri of redirectUris) explain('redirect_uris', redirectProblem(uri, isPublic));
  for (const uri of postLogoutRedirectUris) explain('post_logout_redirect_uris', redirectProblem(uri, isPublic));
  if (backchannelLogoutUri !== '') explain('backchannel_logout_uri', redirectProblem(backchannelLogoutUri, false));
  if ((authentication === ClientAuthentication.PRIVATE_KEY_JWT) !== (jwks !== '')) wrong('jwks', jwks === '' ? 'a client with PRIVATE_KEY_JWT has keys' : 'only a client with PRIVATE_KEY_JWT has keys');
  else if (jwks !== '') explain('jwks', keysProblem(jwks));
  if (byItself !== (serviceRole !== Role.ROLE_UNSPECIFIED)) wrong('service_role', byItself ? 'say what it may do by itself: USER or ADMIN' : 'only a client with CLIENT_CREDENTIALS has one');
  else if (byItself && serviceRole !== Role.USER && serviceRole !== Role.ADMIN) wrong('service_role', 'USER or ADMIN');
  for (const scope of scopes) if (!allScopes.includes(scope)) wrong('scopes', `there is no scope ${scope}: there are ${allScopes.join(', ')}`);
  if (byItself && scopes.length > 0 && !scopes.some((scope) => (resourceScopes as readonly string[]).includes(scope))) wrong('scopes', `with CLIENT_CREDENTIALS it needs ${resourceScopes.join(' or ')}`);
  return problems;

  function explain(field: string, problem: string | undefined): void {
    if (problem !== undefined) wrong(field, problem);
  }
}

/** What is wrong with a set of public keys, if something is. */
function keysProblem(text: string): string | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    if (!Array.isArray(keys) || keys.length === 0 || !keys.every((key) => typeof key === 'object' && key !== null)) return 'it is no JSON Web Key Set with keys';
    if (keys.some((key: Record<string, unknown>) => 'd' in key || 'k' in key)) return 'it holds a private key: send the public ones alone, and make new ones, since these are known now';
    if (!keys.every(({ kty }: Record<string, unknown>) => kty === 'EC' || kty === 'RSA' || kty === 'OKP')) return 'its keys are neither EC, RSA nor OKP';
    return undefined;
  } catch {
    return 'it is no JSON';
  }
}
