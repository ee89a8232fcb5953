import { html } from '@mainstay/kernel';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Needs } from '../../needs.ts';
import { page } from '../../oauth/pages/layout.ts';
import { wordsFor } from '../../oauth/pages/words.ts';
import { beginSamlLogout } from './begin-logout.ts';
import { bindSamlLogin } from './saml-sessions.ts';

/** As much of a request at the provider as is looked at; of one that leads nowhere there is nothing. */
type Context = Omit<KoaContextWithOIDC, 'oidc'> & { oidc?: KoaContextWithOIDC['oidc'] };

/**
 * Stands around the OAuth provider: notes which login of a browser came of a login by SAML, and sends a browser that was logged out on to
 * the identity provider, to be logged out there too.
 */
export const samlAroundProvider = (needs: Needs) => async (ctx: Context, next: () => Promise<unknown>): Promise<void> => {
  await next();
  const { oidc } = ctx;
  // Of the page that led here; the next one, if there is one, has an id of its own.
  const [interactionUid] = ctx.path.split('/').slice(-1);
  if (oidc?.session && oidc.route.endsWith('resume') && oidc.result?.login) await needs.db.write((tx) => bindSamlLogin(tx, interactionUid!, oidc.session!.uid));
  if (oidc?.route === 'end_session_confirm' && oidc.session && oidc.params?.logout && ctx.status === 303) await logOutThere(needs, ctx, oidc.session.uid);
};

async function logOutThere(needs: Needs, ctx: Context, sessionUid: string): Promise<void> {
  const returnTo = ctx.response.get('location');
  // Who is only asked to log in as somebody else goes on with that.
  if (new URL(returnTo, needs.deployment.address).pathname.startsWith('/oauth2/authorize')) return;
  const address = await beginSamlLogout(needs, sessionUid, returnTo);
  if (address === undefined) return;
  const words = wordsFor(ctx.get('accept-language'));
  ctx.remove('location');
  ctx.status = 200;
  ctx.type = 'html';
  // A page that goes on by itself: browsers keep what follows a form to where the page before it lets forms lead (CSP, form-action).
  ctx.body = page(needs, words, { heading: words.loggedOut, goesTo: address, body: html`<p><a href="${address}">${words.goOn}</a></p>` });
}
