import type { ServiceImpl } from '@connectrpc/connect';
import type { WebRequest } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import type { FederationService } from '../../contract/index.ts';
import type { Needs } from '../needs.ts';
import { goTo, nothingWaits, notLoggedIn, wordsOf } from './answer-pages.ts';
import { completeExternalLogin } from './complete-login.ts';
import { ProviderFailed } from './departure.ts';
import { takeExternalLogin, type Taken } from './external-logins.ts';
import { proveByOpenId } from './openid/prove.ts';

const ofProvider = /^\/oauth2\/external\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Where browsers come back from providers that speak OpenID Connect or OAuth 2.0. */
export function federationService(needs: Needs): ServiceImpl<typeof FederationService> {
  return {
    async takeAnswer(request) {
      const { method, target } = request;
      if (method !== 'GET') return { status: 405, headers: [{ name: 'allow', value: 'GET' }] };
      const { pathname, searchParams } = new URL(target, needs.deployment.address);
      const [, providerId] = ofProvider.exec(pathname) ?? [];
      const [state, ...others] = searchParams.getAll('state');
      const taken = providerId && state && others.length === 0 ? await takeExternalLogin(needs, providerId, state) : undefined;
      return taken && taken.provider.kind !== 'SAML' ? goOn(needs, request, taken, searchParams) : nothingWaits(needs, wordsOf(request));
    },
  };
}

async function goOn(needs: Needs, request: WebRequest, taken: Taken, query: URLSearchParams) {
  const { provider, login } = taken;
  const words = wordsOf(request);
  try {
    const proof = await proveByOpenId(needs, taken, query.get('state')!, query);
    return goTo(await completeExternalLogin(needs, login, proof));
  } catch (error) {
    if (!(error instanceof ProviderFailed)) throw error;
    needs.log.warn({ identityProviderId: provider.id, problem: error.message }, 'an identity provider logged nobody in');
    const isDeclined = query.get('error') === 'access_denied' && !query.has('code');
    return notLoggedIn(needs, words, login.interaction_uid, isDeclined ? words.providerDeclined(provider.name) : words.providerFailed(provider.name));
  }
}
