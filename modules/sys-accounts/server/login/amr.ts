import { assurance } from '../../contract/index.ts';

/** What a person knows, or proved elsewhere: at the provider of their org (`fed`, for which there is no registered name). */
const knowledge = ['pwd', 'fed'];
/** What a second factor is worth beside it. */
const possession = ['otp', 'swk', 'hwk'];

/** What two proofs are together, as `amr` (RFC 8176): of a password, or a login elsewhere, and something that the person has, two factors. */
export function mergeAmr(before: readonly string[], added: readonly string[]): string[] {
  const all = new Set([...before, ...added]);
  if (knowledge.some((method) => all.has(method)) && possession.some((method) => all.has(method))) all.add('mfa');
  return [...all];
}

/** How sure a proof makes it who somebody is. */
export const acrOf = (amr: readonly string[]): string => (amr.includes('mfa') ? assurance.twoFactors : assurance.oneFactor);
