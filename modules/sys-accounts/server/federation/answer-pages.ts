import { html } from '@mainstay/kernel';
import type { WebRequest } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import type { Needs } from '../needs.ts';
import { formPolicy, page, type PageContent } from '../oauth/pages/layout.ts';
import { wordsFor, type Words } from '../oauth/pages/words.ts';

const notKept = { name: 'cache-control', value: 'no-store' };

/** The words for the browser that asks. */
export const wordsOf = ({ headers }: WebRequest): Words => wordsFor(headers.find(({ name }) => name === 'accept-language')?.value);

/** A page as the answer to a request. */
export const pageAnswer = (needs: Needs, words: Words, status: number, content: PageContent) => ({
  status,
  headers: [{ name: 'content-type', value: 'text/html; charset=utf-8' }, notKept, { name: 'content-security-policy', value: formPolicy() }],
  body: Buffer.from(page(needs, words, content)),
});

/** Sends the browser on, to be asked by GET. */
export const goTo = (location: string) => ({ status: 303, headers: [{ name: 'location', value: location }, notKept] });

/** An answer for which no login waits: it is too old, was brought already, or was begun elsewhere. */
export const nothingWaits = (needs: Needs, words: Words) => pageAnswer(needs, words, 400, { heading: words.cannotGoOn, body: html`<p>${words.expired}</p><p class="small">${words.startAgain}</p>` });

/** Nobody was logged in by a provider: what is wrong, and the way back to the login. */
export const notLoggedIn = (needs: Needs, words: Words, interactionUid: string, problem: string) =>
  pageAnswer(needs, words, 400, { heading: words.cannotGoOn, problem, body: html`<form method="get" action="/oauth2/interaction/${interactionUid}"><button>${words.back}</button></form>` });
