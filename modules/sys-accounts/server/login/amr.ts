import { assurance } from '../../contract/index.ts';

/** What a second factor is worth beside a password. */
const possession = ['otp', 'swk', 'hwk'];

/** What two proofs are together, as `amr` (RFC 8176): of a password and something that the person has, two factors. */
export function mergeAmr(before: readonly string[], added: readonly string[]): string[] {
  const all = new Set([...before, ...added]);
  if (all.has('pwd') && possession.some((method) => all.has(method))) all.add('mfa');
  return [...all];
}

/** How sure a proof makes it who somebody is. */
export const acrOf = (amr: readonly string[]): string => (amr.includes('mfa') ? assurance.twoFactors : assurance.oneFactor);
