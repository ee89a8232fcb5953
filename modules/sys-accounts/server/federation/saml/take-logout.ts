import type { WebRequest } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import { sql } from 'kysely';
import type { Needs } from '../../needs.ts';
import { wordsFor } from '../../oauth/pages/words.ts';
import { hashOf } from '../../opaque-token.ts';
import { newMessageId } from './depart-saml.ts';
import { assertions, childrenOf, protocol } from './read-message.ts';
import { goTo, loggedOutPage, type WebAnswer } from './saml-pages.ts';
import { SamlRefused } from './saml-refused.ts';
import { endSamlSessions } from './saml-sessions.ts';
import { samlLibrary, type SamlSide } from './saml-settings.ts';
import { checkLogout, verifyPosted, verifyRedirected, type Logout } from './verify-logout.ts';

/** Takes a logout that a provider tells of, or its answer to one that was begun here. */
export async function takeLogout(needs: Needs, side: SamlSide, { method, target, headers }: WebRequest, form: URLSearchParams): Promise<WebAnswer> {
  const logout = method === 'POST' ? await verifyPosted(side, form) : await verifyRedirected(side, target.split('?')[1] ?? '');
  checkLogout(side, logout, needs.config.samlClockSkewSeconds);
  if (logout.kind === 'LogoutResponse') return goTo(await endLogout(needs, side, logout));
  await endNamed(needs, side, logout);
  // Whoever told by another way than the browser, or has no address for it, is not answered.
  if (side.settings.logoutUrl === '') return loggedOutPage(needs, wordsFor(headers.find(({ name }) => name === 'accept-language')?.value));
  const library = await samlLibrary(side, side.settings.certificates, { generateUniqueId: newMessageId });
  const request = { ID: logout.root.getAttribute('ID')! } as Parameters<typeof library.getLogoutResponseUrlAsync>[0];
  return goTo(await library.getLogoutResponseUrlAsync(request, logout.relayState, {}, true));
}

async function endNamed(needs: Needs, side: SamlSide, { root }: Logout): Promise<void> {
  const nameId = childrenOf(root, assertions, 'NameID')[0]?.textContent?.trim() ?? '';
  if (nameId === '') throw new SamlRefused('NO_SUBJECT');
  const sessionIndexes = childrenOf(root, protocol, 'SessionIndex').map(({ textContent }) => textContent?.trim() ?? '');
  const ended = await needs.db.write((tx) => endSamlSessions(tx, needs, { providerId: side.provider.id, nameId, sessionIndexes }));
  needs.log.info({ identityProviderId: side.provider.id, ended }, 'an identity provider told of a logout');
}

/** The browser comes back from a logout at the provider: gives where it goes. The login here was over before. */
async function endLogout({ db, log }: Needs, { provider }: SamlSide, { root, relayState }: Logout): Promise<string> {
  const begun = await db.write((tx) =>
    tx
      .deleteFrom('sys_accounts_saml_logouts')
      .where('state_hash', '=', hashOf(relayState))
      .where('provider_id', '=', provider.id)
      .where('request_id', '=', root.getAttribute('InResponseTo') ?? '')
      .where('expires_at', '>', sql<Date>`now()`)
      .returning('return_to')
      .executeTakeFirst(),
  );
  if (!begun) throw new SamlRefused('NOT_BEGUN_HERE');
  const status = childrenOf(root, protocol, 'Status').flatMap((one) => childrenOf(one, protocol, 'StatusCode'))[0]?.getAttribute('Value') ?? '';
  if (!status.endsWith(':Success')) log.warn({ identityProviderId: provider.id }, 'the identity provider did not log somebody out who logged out here; its own log says why');
  return begun.return_to;
}
