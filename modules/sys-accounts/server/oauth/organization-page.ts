import { html } from '@mainstay/kernel';
import { beginExternalLogin } from '../federation/begin-external-login.ts';
import { ProviderFailed, type Wish } from '../federation/departure.ts';
import type { ProviderRow } from '../federation/external-proof.ts';
import { offeredTo } from '../federation/offered-providers.ts';
import { assurance } from '../../contract/index.ts';
import { domainOf } from '../directory/domains.ts';
import { show, type Interaction } from './interaction.ts';
import { showPassword } from './login-forms.ts';
import { logInWith } from './organization-forms.ts';

/** Leads to the provider of the organization whose domain the person's address is in; if it has several, asks to which. */
export async function depart(interaction: Interaction): Promise<void> {
  const { needs, form, words } = interaction;
  const email = form.get('email')?.trim() ?? '';
  const domain = domainOf(email);
  if (!email.includes('@') || domain === '') return showPassword(interaction, words.emailFirst);
  const offered = await offeredTo(needs, email);
  const chosen = form.has('provider') ? offered.find(({ id }) => id === form.get('provider')) : offered.length === 1 ? offered[0] : undefined;
  if (chosen) return departTo(interaction, chosen, email);
  // Domains have no secrets: this says nothing of who has an account.
  if (offered.length === 0) return showPassword(interaction, words.noOrganization(domain));
  show(interaction, 200, { heading: words.chooseProvider, body: html`${logInWith(words, offered, email)}${backLink(interaction)}` });
}

async function departTo(interaction: Interaction, provider: ProviderRow, email: string): Promise<void> {
  const { needs, words, details, response } = interaction;
  try {
    const address = await beginExternalLogin(needs, provider, details.uid, wishOf(interaction, email));
    // A form may lead to the client alone (form-action), wherever redirections go from there; a page may lead anywhere.
    response.setHeader('referrer-policy', 'no-referrer');
    show(interaction, 200, { heading: words.goingOn(provider.name), goesTo: address, body: html`<p><a href="${address}">${words.goOnTo(provider.name)}</a></p>${backLink(interaction)}` });
  } catch (error) {
    if (!(error instanceof ProviderFailed)) throw error;
    needs.log.warn({ identityProviderId: provider.id, problem: error.message }, 'an identity provider did not let a login begin');
    await showPassword(interaction, words.providerFailed(provider.name));
  }
}

/** What the client wants of the login is wanted of the provider. */
function wishOf({ details: { params, prompt } }: Interaction, loginHint: string): Omit<Wish, 'state'> {
  const maxAge = Number(params.max_age);
  return {
    loginHint,
    again: prompt.reasons.some((reason) => reason === 'login_prompt' || reason === 'max_age'),
    ...(params.max_age !== undefined && maxAge > 0 && { maxAge }),
    twoFactors: String(params.acr_values ?? '').split(' ').includes(assurance.twoFactors),
  };
}

const backLink = ({ words, details }: Interaction) => html`<p class="small"><a href="/oauth2/interaction/${details.uid}">${words.back}</a></p>`;
