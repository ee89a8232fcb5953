import { create } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { html, reasonOf, type Html } from '@mainstay/kernel';
import { assurance, Factor, FactorProofSchema, type FactorProof, type LoginChallenge } from '../../contract/index.ts';
import type { Authentication } from '../login/finish-login.ts';
import { beginLogin, beginPasskeyLogin, continueLogin, type Begin } from '../login/login.ts';
import { clientOf, finish, show, type Interaction } from './interaction.ts';

const deviceCookie = 'mainstay_device';
const who: Begin<Authentication> = async (_tx, authentication) => authentication;

/** Logs a person in: by password and, where they have one, a second factor, or by a passkey alone. */
export async function logIn(interaction: Interaction): Promise<void> {
  const { request, form } = interaction;
  if (request.method !== 'POST') return showPassword(interaction);
  if (form.has('cancel')) return finish(interaction, { error: 'access_denied', error_description: 'the person did not log in' });
  return form.has('login_token') ? passFactor(interaction) : passPassword(interaction);
}

async function passPassword(interaction: Interaction): Promise<void> {
  const { needs, form } = interaction;
  try {
    // Who wants two factors gets no more than one of a device that was remembered.
    const deviceToken = wantsTwoFactors(interaction) ? '' : deviceTokenOf(interaction);
    const { done, challenge } = await beginLogin(needs, { email: form.get('email') ?? '', password: form.get('password') ?? '', newPassword: form.get('new_password') ?? '', org: '', deviceToken }, who);
    await (done ? finishLogin(interaction, done) : showFactors(interaction, challenge!));
  } catch (error) {
    await showPassword(interaction, problemOf(error));
  }
}

async function passFactor(interaction: Interaction): Promise<void> {
  const { needs, form } = interaction;
  const loginToken = form.get('login_token')!;
  const proof = proofOf(form);
  try {
    if (!proof) throw new ConnectError(interaction.words.codeMissing);
    await finishLogin(interaction, await continueLogin(needs, { loginToken, proof, rememberDevice: form.has('remember') }, who));
  } catch (error) {
    const problem = problemOf(error);
    // It is over after some tries; then it begins again with the password.
    if (form.get('factors') === null || /\.(LOGIN_OVER|TOO_MANY_ATTEMPTS|ACCOUNT_LOCKED)$/.test(reasonOf(error) ?? '')) return showPassword(interaction, problem);
    const factors = (form.get('factors') ?? '').split(' ').map(Number) as Factor[];
    await showFactors(interaction, { loginToken, factors, passkeyOptions: form.get('passkey_options') ?? '' }, problem);
  }
}

async function finishLogin(interaction: Interaction, { accountId, amr, acr, authTime, deviceToken }: Authentication): Promise<void> {
  const { response, needs } = interaction;
  if (deviceToken) response.setHeader('set-cookie', `${deviceCookie}=${deviceToken}; Path=/oauth2/interaction; HttpOnly; SameSite=Lax; Max-Age=${needs.config.rememberedDeviceDays * 86_400}${needs.deployment.address.startsWith('https:') ? '; Secure' : ''}`);
  await finish(interaction, { login: { accountId, amr: [...amr], acr, ts: Math.floor(authTime.getTime() / 1000) } });
}

/** What a person may read of what went wrong; anything else is a fault of ours. */
function problemOf(error: unknown): string {
  if (!(error instanceof ConnectError)) throw error;
  return error.rawMessage;
}

const wantsTwoFactors = ({ details }: Interaction): boolean => String(details.params.acr_values ?? '').split(' ').includes(assurance.twoFactors);

const deviceTokenOf = ({ request }: Interaction): string => new RegExp(`(?:^|; )${deviceCookie}=([\\w-]{1,100})(?:;|$)`).exec(request.headers.cookie ?? '')?.[1] ?? '';

function proofOf(form: URLSearchParams): FactorProof | undefined {
  const given = (name: string) => form.get(name)?.trim() ?? '';
  const proofs = [['passkey', given('passkey')], ['totpCode', given('totp').replaceAll(' ', '')], ['emailCode', given('email_code').replaceAll(' ', '')], ['recoveryCode', given('recovery')]] as const;
  const [name, value] = proofs.find(([, text]) => text !== '') ?? [];
  return name && create(FactorProofSchema, { proof: { case: name, value: value! } });
}

async function showPassword(interaction: Interaction, problem?: string): Promise<void> {
  const { words, details, form, needs } = interaction;
  const { clientName } = await clientOf(interaction);
  const email = form.get('email') ?? String(details.params.login_hint ?? '');
  const passkey = await beginPasskeyLogin(needs, '');
  const fields = html`<label>${words.email}<input name="email" type="email" required maxlength="254" autocomplete="username webauthn" value="${email}"${email === '' ? autofocus : undefined}></label>
<label>${words.password}<input name="password" type="password" required maxlength="200" autocomplete="current-password"${email === '' ? undefined : autofocus}></label>`;
  show(interaction, problem === undefined ? 200 : 401, {
    heading: words.logIn,
    problem,
    body: html`<p>${words.logInTo(clientName)}</p><form method="post">${fields}<button>${words.logIn}</button></form>
${passkeyForm(passkey, words.usePasskey)}<p class="small"><a href="/apps/sys-accounts/forgot-password.html">${words.forgotPassword}</a></p>${cancelForm(words.cancel)}`,
  });
}

async function showFactors(interaction: Interaction, challenge: Pick<LoginChallenge, 'loginToken' | 'factors' | 'passkeyOptions'>, problem?: string): Promise<void> {
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

type Waiting = Pick<LoginChallenge, 'loginToken' | 'factors' | 'passkeyOptions'>;

const hiddenOf = ({ loginToken, factors, passkeyOptions }: Waiting): Html => html`<input type="hidden" name="login_token" value="${loginToken}"><input type="hidden" name="factors" value="${factors.join(' ')}"><input type="hidden" name="passkey_options" value="${passkeyOptions}">`;

/** Shown by its script alone, where the browser has passkeys. */
const passkeyForm = (waiting: Waiting, label: string): Html => html`<form method="post" class="passkey" hidden>${hiddenOf(waiting)}<input type="hidden" name="passkey"><button class="second">${label}</button></form><script src="/oauth2/pages/passkey.js" defer></script>`;

const cancelForm = (label: string): Html => html`<form method="post"><button class="second" name="cancel" value="yes">${label}</button></form>`;

const digits = html` inputmode="numeric" maxlength="7"`;
const autofocus = html` autofocus`;
