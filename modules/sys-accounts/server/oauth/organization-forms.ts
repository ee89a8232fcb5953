import { html, type Html } from '@mainstay/kernel';
import type { ProviderRow } from '../federation/external-proof.ts';
import type { Words } from './pages/words.ts';

/** A button for each provider of an organization, of which one is chosen by its id. */
export const logInWith = (words: Words, providers: readonly ProviderRow[], email: string): Html[] =>
  providers.map(({ id, name }) => html`<form method="post"><input type="hidden" name="email" value="${email}"><input type="hidden" name="provider" value="${id}"><button>${words.logInWith(name)}</button></form>`);
