import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConnectError } from '@connectrpc/connect';
import { html, newId } from '@mainstay/kernel';
import type { Grant, InteractionResults, Provider } from 'oidc-provider';
import { SessionNotFound } from './session-not-found.ts';
import type { Needs } from '../needs.ts';
import { logInByPassword } from './log-in.ts';
import { page, pagePolicy, sourceOf, type PageContent } from './pages/layout.ts';
import { wordsFor, type Words } from './pages/words.ts';
import { isFirstParty } from './provider-config.ts';

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

/** A request of a page under way. */
interface Interaction {
  needs: Needs;
  provider: Provider;
  request: IncomingMessage;
  response: ServerResponse;
  details: Details;
  words: Words;
  form: URLSearchParams;
}

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
    send(response, 400, page(needs, words, { heading: words.cannotGoOn, body: html`<p>${words.expired}</p><p class="small">${words.startAgain}</p>` }));
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

async function logIn(interaction: Interaction): Promise<void> {
  const { needs, request, form } = interaction;
  if (request.method !== 'POST') return showLogin(interaction);
  if (form.has('cancel')) return finish(interaction, { error: 'access_denied', error_description: 'the person did not log in' });
  try {
    const login = await logInByPassword(needs, form.get('email') ?? '', form.get('password') ?? '');
    await finish(interaction, { login: { ...login } });
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    await showLogin(interaction, error.rawMessage);
  }
}

async function showLogin(interaction: Interaction, problem?: string): Promise<void> {
  const { words, details, form } = interaction;
  const { clientName } = await clientOf(interaction);
  const email = form.get('email') ?? String(details.params.login_hint ?? '');
  const fields = html`<label>${words.email}<input name="email" type="email" required maxlength="254" autocomplete="username" value="${email}"${email === '' ? autofocus : undefined}></label>
<label>${words.password}<input name="password" type="password" required maxlength="200" autocomplete="current-password"${email === '' ? undefined : autofocus}></label>`;
  show(interaction, problem === undefined ? 200 : 401, {
    heading: words.logIn,
    problem,
    body: html`<p>${words.logInTo(clientName)}</p><form method="post">${fields}<button>${words.logIn}</button></form><form method="post"><button class="second" name="cancel" value="yes">${words.cancel}</button></form>`,
  });
}

const autofocus = html` autofocus`;

async function consent(interaction: Interaction): Promise<void> {
  const { details, request, form } = interaction;
  const client = await clientOf(interaction);
  // A person who has just logged in for our own program need not say so again.
  const isPlain = isFirstParty(client) && details.lastSubmission?.login !== undefined;
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

async function clientOf({ provider, details }: Interaction): Promise<{ clientId: string; clientName: string }> {
  const client = await provider.Client.find(String(details.params.client_id));
  if (!client) throw new SessionNotFound();
  return { clientId: client.clientId, clientName: client.clientName ?? client.clientId };
}

function finish({ provider, request, response }: Interaction, result: InteractionResults): Promise<void> {
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: result.error === undefined });
}

function show({ needs, response, words, details }: Interaction, status: number, content: PageContent): void {
  send(response, status, page(needs, words, content), sourceOf(String(details.params.redirect_uri ?? '')));
}

function send(response: ServerResponse, status: number, text: string, leadsTo: readonly string[] = []): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'content-security-policy': pagePolicy(leadsTo) }).end(text);
}
