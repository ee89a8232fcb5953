import { html, newId } from '@mainstay/kernel';
import type { Grant, Provider } from 'oidc-provider';
import { clientOf, finish, show, type Details, type Interaction } from './interaction.ts';
import { isFirstParty, ownPages } from './first-party.ts';

/** Asks the person whether the client may have what it wants, and grants it. */
export async function consent(interaction: Interaction): Promise<void> {
  const { details, request, form } = interaction;
  const client = await clientOf(interaction);
  // A person who has just logged in for our own program need not say so again, nor ever for the pages that they log in at.
  const isPlain = client.clientId === ownPages || (isFirstParty(client) && details.lastSubmission?.login !== undefined);
  if (request.method === 'POST' && form.has('refuse')) return finish(interaction, { error: 'access_denied', error_description: 'the person refused' });
  if (request.method === 'POST' ? form.has('allow') : isPlain) return finish(interaction, { consent: { grantId: await grantWhatIsMissing(interaction) } });
  await showConsent(interaction, client.clientName);
}

async function showConsent(interaction: Interaction, clientName: string): Promise<void> {
  const { words, details, needs } = interaction;
  const account = await needs.db.read((q) => q.selectFrom('sys_accounts_accounts').select(['email', 'display_name']).where('id', '=', details.session!.accountId).executeTakeFirst());
  const missing = details.prompt.details as Missing;
  const scopes = [...(missing.missingOIDCScope ?? []), ...Object.values(missing.missingResourceScopes ?? {}).flat()];
  const asked = scopes.length > 0 ? scopes : String(details.params.scope ?? '').split(' ');
  show(interaction, 200, {
    heading: words.asksFor(clientName),
    body: html`<p>${words.asYou(account?.email ?? '')}</p><p>${words.wants}</p><ul>${asked.map((scope) => html`<li>${words.scopes[scope] ?? scope}</li>`)}</ul>
<form method="post"><button name="allow" value="yes">${words.allow}</button></form><form method="post"><button class="second" name="refuse" value="yes">${words.refuse}</button></form>`,
  });
}

interface Missing {
  missingOIDCScope?: string[];
  missingOIDCClaims?: string[];
  missingResourceScopes?: Record<string, string[]>;
}

/** Adds to the person's grant what is missing, or begins one; gives its id, which is its session's. */
async function grantWhatIsMissing({ provider, details }: Interaction): Promise<string> {
  const grant = (details.grantId ? await provider.Grant.find(details.grantId) : undefined) ?? newGrant(provider, details);
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = details.prompt.details as Missing;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) grant.addResourceScope(resource, scopes.join(' '));
  return grant.save();
}

function newGrant(provider: Provider, { session, params }: Details): Grant {
  const grant = new provider.Grant({ accountId: session!.accountId, clientId: String(params.client_id) });
  (grant as { jti?: string }).jti = newId();
  return grant;
}
