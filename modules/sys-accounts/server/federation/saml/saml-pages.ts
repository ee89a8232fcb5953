import { html } from '@mainstay/kernel';
import type { Needs } from '../../needs.ts';
import { formPolicy, page, type PageContent } from '../../oauth/pages/layout.ts';
import type { Words } from '../../oauth/pages/words.ts';
import type { SamlRefused } from './saml-refused.ts';

/** An answer of a method that takes HTTP as it is. */
export interface WebAnswer {
  status: number;
  headers?: { name: string; value: string }[];
  body?: Uint8Array;
}

const shown = (needs: Needs, words: Words, status: number, content: PageContent): WebAnswer => ({
  status,
  headers: [{ name: 'content-type', value: 'text/html; charset=utf-8' }, { name: 'cache-control', value: 'no-store' }, { name: 'content-security-policy', value: formPolicy() }],
  body: Buffer.from(page(needs, words, content)),
});

/** Sends the browser on, to be asked by GET. */
export const goTo = (location: string): WebAnswer => ({ status: 303, headers: [{ name: 'location', value: location }, { name: 'cache-control', value: 'no-store' }] });

/** Says why a login, or a logout, does not go on, and what an administrator will want to know of it. */
export const failedPage = (needs: Needs, words: Words, providerName: string, refused: SamlRefused): WebAnswer =>
  shown(needs, words, 400, {
    heading: words.cannotGoOn,
    problem: words[refused.says](providerName),
    body: html`<p>${words.startAgain}</p><p class="small">${words.samlForAdministrators} <code dir="ltr">SAML_${refused.reason}</code></p>`,
  });

/** No org logs in here. */
export const noSuchProvider = (needs: Needs, words: Words): WebAnswer => shown(needs, words, 404, { heading: words.cannotGoOn, body: html`<p>${words.startAgain}</p>` });

/** The person is logged out, and nothing is to be told to anybody. */
export const loggedOutPage = (needs: Needs, words: Words): WebAnswer => shown(needs, words, 200, { heading: words.loggedOut, body: html`<p>${words.closePage}</p>` });

/** The endpoint is asked in another way. */
export const notAllowed = (methods: readonly string[]): WebAnswer => ({ status: 405, headers: [{ name: 'allow', value: methods.join(', ') }] });
