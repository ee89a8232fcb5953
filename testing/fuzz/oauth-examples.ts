import fc, { type Arbitrary } from 'fast-check';
import type { Example } from './any-case.ts';
import type { Ask, Examples } from './ask.ts';

const olga = 'olga@acme.test';
const times = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const anyOf = (caller: string, trees: readonly Example['tree'][]): Arbitrary<Example> => fc.constantFrom(...trees).map((tree) => ({ caller, tree }));
const form = [{ name: 'content-type', value: 'application/x-www-form-urlencoded' }];
const page = (target: string) => anyOf('', [{ method: 'GET', target, headers: [], body: '' }, { method: 'GET', target: `${target}?x=1`, headers: [{ name: 'accept-language', value: 'ur' }], body: '' }]);
const posted = (target: string, text: string) => anyOf('', [{ method: 'POST', target, headers: form, body: Buffer.from(text).toString('base64') }]);

/** Requests for the OAuth provider, whose refusals are answers of its protocol, and for its clients. */
export async function oauthExamples(ask: Ask): Promise<Examples> {
  const oauthClient = { name: 'a client', grants: ['AUTHORIZATION_CODE'], redirectUris: ['https://client.test/callback'] };
  const made = await Promise.all(times(60).map(async () => (await ask(olga, '/v1/oauthClients', oauthClient)).oauthClient.oauthClientId as string));
  const [kept, removed] = [made.slice(0, 5), made.slice(5)];
  return {
    CreateOAuthClient: anyOf(olga, [{ oauthClient }]),
    GetOAuthClient: anyOf(olga, kept.map((oauthClientId) => ({ oauthClientId }))),
    UpdateOAuthClient: anyOf(olga, kept.map((oauthClientId) => ({ oauthClient: { oauthClientId, name: 'another' } }))),
    RotateOAuthClientSecret: anyOf(olga, kept.map((oauthClientId) => ({ oauthClientId }))),
    DeleteOAuthClient: anyOf(olga, removed.map((oauthClientId) => ({ oauthClientId }))),
    GetProvider: page('/oauth2/jwks'),
    GetUserinfo: page('/oauth2/userinfo'),
    IntrospectToken: posted('/oauth2/introspect', 'token=x'),
    Authorize: page(`/oauth2/authorize?client_id=${kept[0]!}&response_type=code`),
    Interact: page('/oauth2/interaction/x'),
    PushAuthorizationRequest: posted('/oauth2/request', 'response_type=code'),
    IssueToken: posted('/oauth2/token', 'grant_type=refresh_token&refresh_token=x&client_id=mainstay-cli'),
    RevokeToken: posted('/oauth2/revoke', 'token=x&client_id=mainstay-cli'),
    AuthorizeDevice: posted('/oauth2/device/authorize', 'client_id=mainstay-cli'),
    EnterDeviceCode: page('/oauth2/device'),
    EndSession: page('/oauth2/logout'),
  };
}
