import type { IncomingMessage, ServerResponse } from 'node:http';
import { html } from '@mainstay/kernel';
import type { Provider } from 'oidc-provider';
import type { Needs } from '../needs.ts';
import { consent } from './consent-page.ts';
import { sendPage } from './interaction.ts';
import { logIn } from './login-page.ts';
import { page } from './pages/layout.ts';
import { wordsFor } from './pages/words.ts';
import { SessionNotFound } from './session-not-found.ts';

/** Answers the pages on which a person logs in and agrees: what they show, and what is entered. */
export async function interact(needs: Needs, provider: Provider, request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
  const words = wordsFor(request.headers['accept-language']);
  try {
    const details = await provider.interactionDetails(request, response);
    const isOwn = request.url!.split('?', 1)[0] === `/oauth2/interaction/${details.uid}`;
    if (!isOwn || !isSameSite(request)) throw new SessionNotFound();
    const interaction = { needs, provider, request, response, details, words, form: new URLSearchParams(body) };
    await (details.prompt.name === 'login' ? logIn(interaction) : consent(interaction));
  } catch (error) {
    if (!isGone(error)) throw error;
    sendPage(response, 400, page(needs, words, { heading: words.cannotGoOn, body: html`<p>${words.expired}</p><p class="small">${words.startAgain}</p>` }));
  }
}

/** Forms are sent by our own pages; browsers say so (Fetch Metadata), and old ones by the origin. */
function isSameSite({ method, headers }: IncomingMessage): boolean {
  if (method !== 'POST') return true;
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  return headers.origin === undefined || URL.parse(headers.origin)?.host === headers.host;
}

const isGone = (error: unknown): boolean => error instanceof SessionNotFound || (error as Error).name === 'SessionNotFound';
