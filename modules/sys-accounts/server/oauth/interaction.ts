import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InteractionResults, Provider } from 'oidc-provider';
import type { ExternalProof } from '../federation/external-proof.ts';
import type { Needs } from '../needs.ts';
import { formPolicy, page, sourceOf, type PageContent } from './pages/layout.ts';
import type { Words } from './pages/words.ts';
import { SessionNotFound } from './session-not-found.ts';

/** What the provider knows of what a person is in the middle of. */
export type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

/** Who came back from a provider of their organization, for this page. */
export interface External {
  loginId: string;
  proof: ExternalProof;
}

/** A request of a page on which a person logs in or agrees. */
export interface Interaction {
  needs: Needs;
  provider: Provider;
  request: IncomingMessage;
  response: ServerResponse;
  details: Details;
  words: Words;
  form: URLSearchParams;
  external?: External | undefined;
}

/** The client for which the person is here. */
export async function clientOf({ provider, details }: Interaction): Promise<{ clientId: string; clientName: string }> {
  const client = await provider.Client.find(String(details.params.client_id));
  if (!client) throw new SessionNotFound();
  return { clientId: client.clientId, clientName: client.clientName ?? client.clientId };
}

/** Sends the browser on, with what came of it. */
export const finish = ({ provider, request, response }: Interaction, result: InteractionResults): Promise<void> => provider.interactionFinished(request, response, result, { mergeWithLastSubmission: result.error === undefined });

/** Shows a page, whose forms may lead to where the client wants the browser. */
export function show({ needs, response, words, details }: Interaction, status: number, content: PageContent): void {
  sendPage(response, status, page(needs, words, content), sourceOf(String(details.params.redirect_uri ?? '')));
}

/** Answers with a page that nobody keeps. */
export function sendPage(response: ServerResponse, status: number, text: string, leadsTo: readonly string[] = []): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'content-security-policy': formPolicy(leadsTo) }).end(text);
}
