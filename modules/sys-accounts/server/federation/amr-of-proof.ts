import { mergeAmr } from '../login/amr.ts';
import type { ExternalProof } from './external-proof.ts';

/**
 * What a login at a provider is worth here, as `amr`: one factor, `fed`, for which there is no registered name. Of a provider that is
 * trusted for second factors what it says counts too; one that says nothing has asked for two.
 */
export function amrOfProof({ provider, amr }: Pick<ExternalProof, 'provider' | 'amr'>): string[] {
  if (!provider.trusts_second_factor) return ['fed'];
  return [...new Set(['fed', ...(amr.length === 0 ? ['mfa'] : mergeAmr([], amr))])];
}
