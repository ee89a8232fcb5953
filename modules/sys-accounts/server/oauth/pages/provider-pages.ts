import { html } from '@mainstay/kernel';
import type { ErrorOut, errors as ProviderErrors, KoaContextWithOIDC } from 'oidc-provider';
import type { Needs } from '../../needs.ts';
import { formPolicy, page, sourceOf, type PageContent } from './layout.ts';
import { wordsFor } from './words.ts';

type Words = ReturnType<typeof wordsFor>;

/** The token against forged requests that the provider put into the form that it would show. */
const tokenIn = (form: string): string => /name="xsrf" value="([^"]+)"/.exec(form)?.[1] ?? '';
const wordsOf = (ctx: KoaContextWithOIDC): Words => wordsFor(ctx.get('accept-language'));

function show(needs: Needs, ctx: KoaContextWithOIDC, content: PageContent): void {
  ctx.type = 'html';
  ctx.body = page(needs, wordsOf(ctx), content);
}

/** Where a request failed that no client can be told of. */
export const problemPage = (needs: Needs) => (ctx: KoaContextWithOIDC, { error, error_description: description }: ErrorOut, _cause: unknown): void => {
  const words = wordsOf(ctx);
  const text = error === 'server_error' ? words.notOurs : `${description ?? error}`;
  show(needs, ctx, { heading: words.cannotGoOn, body: html`<p>${text}</p><p class="small">${words.startAgain}</p>` });
};

/** The pages on which a person enters the code of a device, and says that it is theirs (RFC 8628, 3.3). */
export const devicePages = (needs: Needs) => ({
  userCodeInputSource(ctx: KoaContextWithOIDC, form: string, _out?: ErrorOut, problem?: (Error & { userCode?: string }) | ProviderErrors.OIDCProviderError): void {
    const words = wordsOf(ctx);
    show(needs, ctx, {
      heading: words.connectDevice,
      problem: problem && (problem.name === 'AbortedError' ? words.deviceRefused : words.codeWrong),
      body: html`<form method="post" action="/oauth2/device"><input type="hidden" name="xsrf" value="${tokenIn(form)}">
<label>${words.deviceCode}<input name="user_code" value="${String(ctx.query.offered_code ?? '').slice(0, 20)}" required autofocus autocomplete="off" autocapitalize="characters" spellcheck="false" dir="ltr"></label><button>${words.goOn}</button></form>`,
    });
  },
  userCodeConfirmSource(ctx: KoaContextWithOIDC, form: string, client: { clientName?: string; clientId: string }, _device: unknown, userCode: string): void {
    const words = wordsOf(ctx);
    const hidden = html`<input type="hidden" name="xsrf" value="${tokenIn(form)}"><input type="hidden" name="user_code" value="${userCode}">`;
    show(needs, ctx, {
      heading: words.connectDevice,
      body: html`<p>${words.deviceShows(client.clientName ?? client.clientId)}</p><p class="code" dir="ltr">${userCode}</p><p class="small">${words.deviceWarning}</p>
<form method="post" action="/oauth2/device">${hidden}<input type="hidden" name="confirm" value="yes"><button>${words.goOn}</button></form>
<form method="post" action="/oauth2/device">${hidden}<button class="second" name="abort" value="yes">${words.refuse}</button></form>`,
    });
  },
  successSource(ctx: KoaContextWithOIDC): void {
    const words = wordsOf(ctx);
    show(needs, ctx, { heading: words.deviceConnected, body: html`<p>${words.closePage}</p>` });
  },
});

/** The pages of a logout that a client asked for (OpenID Connect RP-Initiated Logout 1.0). */
export const logoutPages = (needs: Needs) => ({
  logoutSource(ctx: KoaContextWithOIDC, form: string): void {
    const words = wordsOf(ctx);
    const hidden = html`<input type="hidden" name="xsrf" value="${tokenIn(form)}">`;
    const { state } = ctx.oidc.session as { state?: { postLogoutRedirectUri?: string } };
    // Browsers hold what follows a form to where its page lets forms lead.
    ctx.set('content-security-policy', formPolicy(sourceOf(state?.postLogoutRedirectUri ?? '')));
    show(needs, ctx, {
      heading: words.logOutQuestion,
      body: html`<form method="post" action="/oauth2/logout/confirm">${hidden}<input type="hidden" name="logout" value="yes"><button autofocus>${words.logOut}</button></form>
<form method="post" action="/oauth2/logout/confirm">${hidden}<button class="second">${words.stay}</button></form>`,
    });
  },
  postLogoutSuccessSource(ctx: KoaContextWithOIDC): void {
    const words = wordsOf(ctx);
    show(needs, ctx, { heading: words.loggedOut, body: html`<p>${words.closePage}</p>` });
  },
});
