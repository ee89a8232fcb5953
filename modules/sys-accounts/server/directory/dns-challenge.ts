import { Resolver } from 'node:dns/promises';
import type { Config } from '../../config.ts';
import { errors } from '../../errors.ts';

interface Claim {
  domain: string;
  challenge: string;
}

/** Nothing is there: an answer of DNS, and no failure. */
const nothing = new Set(['ENODATA', 'ENOTFOUND']);

/** Where DNS has to show that a domain is an org's. */
export const challengeName = ({ domain }: Claim): string => `_mainstay-challenge.${domain}`;

/** What it has to show there. */
export const challengeValue = ({ challenge }: Claim): string => `mainstay-verification=${challenge}`;

/** Whether DNS shows what was asked for. Throws `DNS_FAILED` if it does not answer. */
export async function shows({ config: { dnsServers } }: { config: Pick<Config, 'dnsServers'> }, claim: Claim): Promise<boolean> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  if (dnsServers.length > 0) resolver.setServers(dnsServers);
  try {
    const records = await resolver.resolveTxt(challengeName(claim));
    // A long text comes in pieces.
    return records.some((pieces) => pieces.join('') === challengeValue(claim));
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (nothing.has(code)) return false;
    throw errors.DNS_FAILED({ name: challengeName(claim), problem: code });
  }
}
