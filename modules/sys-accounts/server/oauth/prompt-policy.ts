import type { interactionPolicy as Policy } from 'oidc-provider';
import { assurance } from '../../contract/index.ts';

/** When a person is asked: as the standards have it, and to log in again where the client wants two factors and they showed one (RFC 9470, 4). */
export function promptPolicy({ base, Check }: typeof Policy): ReturnType<typeof Policy.base> {
  const policy = base();
  policy.get('login')!.checks.add(
    new Check('two_factors', 'two factors are wanted, and one was shown', 'unmet_authentication_requirements', ({ oidc }) => {
      const isWanted = String(oidc.params?.acr_values ?? '').split(' ').includes(assurance.twoFactors);
      // Who has just logged in has nothing more to show.
      return isWanted && oidc.acr !== assurance.twoFactors && !oidc.result?.login ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
    }),
  );
  return policy;
}
