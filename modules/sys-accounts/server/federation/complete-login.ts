import type { Needs } from '../needs.ts';
import type { ExternalProof } from './external-proof.ts';
import { keepProof, type ExternalLogin } from './external-logins.ts';

/**
 * Ends the part of a login that is made at a provider: keeps who came back, and gives the address of the page that goes on, to which the
 * browser is sent (303). That page has the cookie of the browser in which the login began, and there alone the person is logged in:
 * an answer that somebody else's browser is made to bring logs nobody in.
 */
export async function completeExternalLogin(needs: Needs, login: ExternalLogin, proof: ExternalProof): Promise<string> {
  await needs.db.write((tx) => keepProof(tx, needs, login, proof));
  return `${needs.deployment.address}/oauth2/interaction/${login.interaction_uid}?external=${login.id}`;
}
