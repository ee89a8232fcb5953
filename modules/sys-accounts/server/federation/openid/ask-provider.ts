import { fetchOutside } from '@mainstay/kernel';
import type { CustomFetch } from 'openid-client';
import type { Needs } from '../../needs.ts';
import { providerRules } from '../provider-settings.ts';

/** For one question; a login asks three at most. */
const TIMEOUT_MILLISECONDS = 5000;
/** Documents, keys and claims are far smaller. */
const MOST_BYTES = 512 * 1024;

/** How providers are asked: at addresses that this deployment asks at all, with limits, without following redirections. */
export const askProvider = (needs: Pick<Needs, 'config' | 'deployment'>): CustomFetch => {
  const { isPublic } = providerRules(needs);
  return (url, { method, headers, body, signal }) => {
    if (body != null && typeof body !== 'string' && !(body instanceof URLSearchParams)) throw new Error('providers are sent text alone');
    return fetchOutside({ url, method, headers, body: body?.toString(), strict: isPublic, timeoutMilliseconds: TIMEOUT_MILLISECONDS, mostBytes: MOST_BYTES, signal });
  };
};
