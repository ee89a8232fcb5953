import { job, postOnce, type Transaction } from '@mainstay/kernel';
import type { Tables } from '../../database/tables.ts';
import type { Needs } from '../needs.ts';
import type { Metadata } from './client-metadata.ts';
import { readClient } from './find-client.ts';
import { signJwt } from './sign-jwt.ts';

/** A login of a person at a client that is over. */
export interface EndedLogin {
  clientId: string;
  accountId: string;
  /** What the client knows the login by: the `sid` of its ID tokens. */
  sid: string;
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const LOGOUT_TOKEN_SECONDS = 120;
const TIMEOUT_MILLISECONDS = 10_000;

/** Tells a client that a login is over, by a logout token (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.5); tried again until it takes it. */
export const tellLogout = job<Needs, EndedLogin>('tell-logout', async (needs, { clientId, accountId, sid }) => {
  const client = await readClient(needs, clientId);
  const { backchannel_logout_uri: uri } = (client?.metadata ?? {}) as unknown as Metadata;
  if (!uri) return;
  const { phase } = needs.deployment;
  const body = new URLSearchParams({ logout_token: await logoutToken(needs, { clientId, accountId, sid }) }).toString();
  const { problem } = await postOnce({ url: uri, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body, timeoutMilliseconds: TIMEOUT_MILLISECONDS, strict: phase === 'A' || phase === 'P' });
  if (problem !== '') throw new Error(`the client ${clientId} was not told of a logout: ${problem}`);
});

/** Queues the telling; once for a login, however often it ends. */
export const logoutIsTold = (tx: Transaction<Tables>, login: EndedLogin): Promise<void> => tx.enqueue(tellLogout, login, { key: `${login.clientId} ${login.sid}` });

const logoutToken = (needs: Needs, { clientId, accountId, sid }: EndedLogin): Promise<string> => signJwt(needs, 'RS256', 'logout+jwt', { sid, aud: clientId, sub: accountId, events: { [EVENT]: {} } }, LOGOUT_TOKEN_SECONDS);
