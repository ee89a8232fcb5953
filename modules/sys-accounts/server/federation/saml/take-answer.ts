import type { Transaction } from '@mainstay/kernel';
import type { Tables } from '../../../database/tables.ts';
import type { Needs } from '../../needs.ts';
import { hashOf } from '../../opaque-token.ts';
import { completeExternalLogin } from '../complete-login.ts';
import { takeExternalLogin } from '../external-logins.ts';
import { readPerson } from './read-person.ts';
import { SamlRefused } from './saml-refused.ts';
import type { SamlSide } from './saml-settings.ts';
import { verifyAnswer, type Verified } from './verify-answer.ts';

/**
 * Takes the answer of a provider, and gives the address that the browser goes on to. The page of the provider posted it, so the browser
 * sent none of its cookies (SameSite=Lax): who is logged in is decided there, where it asks by GET and sends them.
 */
export async function takeAnswer(needs: Needs, side: SamlSide, form: URLSearchParams): Promise<string> {
  const taken = await takeExternalLogin(needs, side.provider.id, form.get('RelayState') ?? '');
  if (!taken) throw new SamlRefused('NOT_BEGUN_HERE');
  const { requestId, provenSince } = taken.checks;
  const expected = { requestId: requestId!, skewSeconds: needs.config.samlClockSkewSeconds, ...(provenSince !== undefined && { provenSince: new Date(provenSince) }) };
  const verified = await verifyAnswer(side, form.get('SAMLResponse') ?? '', expected);
  const person = readPerson(side.settings, verified);
  if (!(await needs.db.write((tx) => useAssertion(tx, side.provider.id, verified)))) throw new SamlRefused('TAKEN_ALREADY');
  return completeExternalLogin(needs, taken.login, { provider: taken.provider, ...person });
}

/** Uses an assertion up, in all processes; of several who do, one is told that it was there. */
async function useAssertion(tx: Transaction<Tables>, providerId: string, { assertionId, goodUntil }: Verified): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('sys_accounts_saml_assertions')
    .values({ provider_id: providerId, id_hash: hashOf(assertionId), expires_at: goodUntil })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}
