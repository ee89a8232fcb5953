import type { TestDeployment } from '@mainstay/testing';
import fc, { type Arbitrary } from 'fast-check';
import type { Example } from './any-case.ts';
import type { Ask, Examples } from './ask.ts';

const olga = 'olga@acme.test';
const times = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const anyOf = <T>(caller: string, from: readonly T[], treeOf: (item: T) => Example['tree']): Arbitrary<Example> => fc.constantFrom(...from).map((item) => ({ caller, tree: treeOf(item) }));

/** Requests about where the people of an org log in, and who they are there. */
export async function federationExamples(deployment: TestDeployment, ask: Ask): Promise<Examples> {
  const identityProvider = { name: 'a provider', oidc: { issuer: 'https://login.acme.test', clientId: 'mainstay', clientSecret: 'a secret' } };
  const made = await Promise.all(times(60).map(async () => (await ask(olga, '/v1/identityProviders', identityProvider)).identityProviderId as string));
  const [kept, removed] = [made.slice(0, 5), made.slice(5)];
  const { accountId } = await ask(olga, '/v1/accounts/me');
  const identities = await deployment.sql<{ id: string }>('insert into sys_accounts.sys_accounts_external_identities (provider_id, subject, account_id) select $1::uuid, n::text, $2::uuid from generate_series(1, 60) as n returning id::text', [kept[0], accountId]);
  const back = { method: 'GET', target: `/oauth2/external/${kept[0]!}?state=x&code=y`, headers: [], body: '' };
  return {
    CreateIdentityProvider: anyOf(olga, [{}, { trustsSecondFactor: true, justInTime: true }], (more) => ({ identityProvider: { ...identityProvider, ...more } })),
    GetIdentityProvider: anyOf(olga, kept, (identityProviderId) => ({ identityProviderId })),
    UpdateIdentityProvider: anyOf(olga, kept, (identityProviderId) => ({ identityProvider: { identityProviderId, name: 'another' } })),
    DeleteIdentityProvider: anyOf(olga, removed, (identityProviderId) => ({ identityProviderId })),
    DeleteExternalIdentity: anyOf(olga, identities, ({ id }) => ({ externalIdentityId: id })),
    TakeAnswer: anyOf('', [back, { ...back, target: '/oauth2/external/x' }, { ...back, method: 'POST' }], (tree) => tree),
  };
}
