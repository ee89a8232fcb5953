import { html, type Html } from '@mainstay/kernel';
import { Factor, type LoginChallenge } from '../../contract/index.ts';
import { offeredTo } from '../federation/offered-providers.ts';
import type { Authentication } from '../login/finish-login.ts';
import { clientOf, finish, show, type Interaction } from './interaction.ts';
import { logInWith } from './organization-forms.ts';

export const deviceCookie = 'mainstay_device';

type Waiting = Pick<LoginChallenge, 'loginToken' | 'factors' | 'passkeyOptions'>;

/** Sends the browser on as the person who has logged in. */
export async function finishLogin(interaction: Interaction, { accountId, amr, acr, authTime, deviceToken }: Authentication): Promise<void> {
  const { response, needs } = interaction;
  if (deviceToken) response.setHeader('set-cookie', `${deviceCookie}=${deviceToken}; Path=/oauth2/interaction; HttpOnly; SameSite=Lax; Max-Age=${needs.config.rememberedDeviceDays * 86_400}${needs.deployment.address.startsWith('https:') ? '; Secure' : ''}`);
  await finish(interaction, { login: { accountId, amr: [...amr], acr, ts: Math.floor(authTime.getTime() / 1000) } });
}

/** Asks for the address and the password, or a passkey, or leads to the person's organization. */
export async function showPassword(interaction: Interaction, problem?: string): Promise<void> {
  if (interaction.external) return showLink(interaction, interaction.external.proof.email ?? '', problem);
  const { words, details, form, needs } = interaction;
  const { clientName } = await clientOf(interaction);
  const email = form.get('email') ?? String(details.params.login_hint ?? '');
  const offered = await offeredTo(needs, email);
  const fields = html`<label>${words.email}<input name="email" type="email" required maxlength="254" autocomplete="username webauthn" value="${email}"${email === '' ? autofocus : undefined}></label>
<label>${words.password}<input name="password" type="password" required maxlength="200" autocomplete="current-password"${email === '' || offered.length > 0 ? undefined : autofocus}></label>`;
  // Its own button first: who presses Enter sends the password.
  const organization = offered.length > 0 ? undefined : html`<button class="second" name="organization" value="yes" formnovalidate>${words.logInWithOrganization}</button>`;
  show(interaction, problem === undefined ? 200 : 401, {
    heading: words.logIn,
    problem,
    body: html`<p>${words.logInTo(clientName)}</p>${logInWith(words, offered, email)}<form method="post">${fields}<button${offered.length > 0 ? second : undefined}>${words.logIn}</button>${organization}</form>
${passkeyForm({ loginToken: '', factors: [], passkeyOptions: '' }, words.usePasskey)}<p class="small forgotten"><a href="/apps/sys-accounts/forgot-password.html">${words.forgotPassword}</a></p>${cancelForm(words.cancel)}`,
  });
}

/** Asks who came from a provider for the first time to log in here, too: what that links stands on the page. */
function showLink(interaction: Interaction, email: string, problem: string | undefined): void {
  const { words, external, details } = interaction;
  const { name } = external!.proof.provider;
  show(interaction, problem === undefined ? 200 : 401, {
    heading: words.linkAccount,
    problem,
    body: html`<p>${words.linkFrom(name)}</p><p>${words.linkTo(email)}</p><p class="small">${words.linkMeans(name)}</p>
<form method="post"><label>${words.email}<input name="email" type="email" readonly autocomplete="username" value="${email}"></label>
<label>${words.password}<input name="password" type="password" required maxlength="200" autocomplete="current-password"${autofocus}></label><button>${words.linkAccount}</button></form>
${passkeyForm({ loginToken: '', factors: [], passkeyOptions: '' }, words.usePasskey)}<p class="small forgotten"><a href="/apps/sys-accounts/forgot-password.html">${words.forgotPassword}</a> · <a href="/oauth2/interaction/${details.uid}">${words.back}</a></p>${cancelForm(words.cancel)}`,
  });
}

/** Says why nobody was logged in who came from a provider, and leads back to the login. */
export function showNotLoggedIn(interaction: Interaction, problem: string): void {
  const { words, details } = interaction;
  show(interaction, 401, { heading: words.cannotGoOn, problem, body: html`<form method="get" action="/oauth2/interaction/${details.uid}"><button>${words.back}</button></form>` });
}

/** Asks for one of the second factors of an account. */
export function showFactors(interaction: Interaction, challenge: Waiting, problem?: string): void {
  const { words } = interaction;
  const { factors } = challenge;
  const code = (name: string, label: string, more: Html) => html`<label>${label}<input name="${name}" autocomplete="one-time-code" spellcheck="false" dir="ltr"${more}></label>`;
  const fields = [
    ...(factors.includes(Factor.TOTP) ? [code('totp', words.appCode, digits)] : []),
    ...(factors.includes(Factor.EMAIL_CODE) ? [code('email_code', words.mailedCode, digits)] : []),
    ...(factors.includes(Factor.RECOVERY_CODE) ? [html`<details><summary>${words.otherwise}</summary>${code('recovery', words.recoveryCode, html` maxlength="40"`)}</details>`] : []),
  ];
  show(interaction, problem === undefined ? 200 : 401, {
    heading: words.secondFactor,
    problem,
    body: html`${factors.includes(Factor.PASSKEY) ? passkeyForm(challenge, words.usePasskey) : undefined}
${fields.length > 0 ? html`<form method="post">${hiddenOf(challenge)}${fields}<label class="check"><input type="checkbox" name="remember" value="yes">${words.rememberDevice}</label><button>${words.goOn}</button></form>` : undefined}${cancelForm(words.cancel)}`,
  });
}

const hiddenOf = ({ loginToken, factors, passkeyOptions }: Waiting): Html => html`<input type="hidden" name="login_token" value="${loginToken}"><input type="hidden" name="factors" value="${factors.join(' ')}"><input type="hidden" name="passkey_options" value="${passkeyOptions}">`;

/** Shown by its script alone, where the browser has passkeys. Without options the script asks for them when it is needed. */
const passkeyForm = (waiting: Waiting, label: string): Html => html`<form method="post" class="passkey" hidden>${hiddenOf(waiting)}<input type="hidden" name="passkey"><button class="second">${label}</button></form><script src="/oauth2/pages/passkey.js" defer></script>`;

const cancelForm = (label: string): Html => html`<form method="post"><button class="second" name="cancel" value="yes">${label}</button></form>`;

const digits = html` inputmode="numeric" maxlength="7"`;
const autofocus = html` autofocus`;
const second = html` class="second"`;
