import { create } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { reasonOf } from '@mainstay/kernel';
import { assurance, FactorProofSchema, type Factor, type FactorProof } from '../../contract/index.ts';
import { finishExternalLogin, type Outcome } from '../federation/finish-external-login.ts';
import { beginLogin, continueLogin, type Begin } from '../login/login.ts';
import { arrive, readExternal } from './arrival-page.ts';
import { finish, type Interaction } from './interaction.ts';
import { deviceCookie, finishLogin, showFactors, showNotLoggedIn, showPassword } from './login-forms.ts';
import { depart } from './organization-page.ts';

/** Logs a person in: by password and, where they have one, a second factor, by a passkey alone, or at a provider of their organization. */
export async function logIn(interaction: Interaction): Promise<void> {
  const { request, form, words } = interaction;
  if (form.has('cancel')) return finish(interaction, { error: 'access_denied', error_description: 'the person did not log in' });
  if (form.has('organization') || form.has('provider')) return depart(interaction);
  const external = await readExternal(interaction);
  if (external === 'over') return showNotLoggedIn(interaction, words.externalOver);
  const present = { ...interaction, external };
  if (request.method !== 'POST') return external ? arrive(present, deviceTokenOf(present)) : showPassword(present);
  return form.has('login_token') ? passFactor(present) : passPassword(present);
}

async function passPassword(interaction: Interaction): Promise<void> {
  const { needs, form, external } = interaction;
  try {
    const email = external ? (external.proof.email ?? '') : (form.get('email') ?? '');
    // Who is to be linked shows all that they have.
    const deviceToken = external ? '' : deviceTokenOf(interaction);
    const claim = { email, password: form.get('password') ?? '', newPassword: form.get('new_password') ?? '', org: '', deviceToken };
    const { done, challenge } = await beginLogin(needs, claim, begins(interaction));
    await (done ? goOn(interaction, done) : showFactors(interaction, challenge!));
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
    await goOn(interaction, await continueLogin(needs, { loginToken, proof, rememberDevice: form.has('remember') }, begins(interaction)));
  } catch (error) {
    const problem = problemOf(error);
    // It is over after some tries; then it begins again with the password.
    if (!form.get('factors') || /\.(LOGIN_OVER|TOO_MANY_ATTEMPTS|ACCOUNT_LOCKED)$/.test(reasonOf(error) ?? '')) return showPassword(interaction, problem);
    const factors = form.get('factors')!.split(' ').map(Number) as Factor[];
    showFactors(interaction, { loginToken, factors, passkeyOptions: form.get('passkey_options') ?? '' }, problem);
  }
}

/** What a login leads to: to the person, and for who came from a provider to their being linked. */
const begins = ({ needs, external, details }: Interaction): Begin<Outcome> => async (tx, who) => (external ? finishExternalLogin(tx, needs, { ...external, interactionUid: details.uid }, who) : { who });

const goOn = (interaction: Interaction, { who, refused }: Outcome): Promise<void> => (who ? finishLogin(interaction, who) : showPassword(interaction, refused(interaction.words)));

/** What a person may read of what went wrong; anything else is a fault of ours. */
function problemOf(error: unknown): string {
  if (!(error instanceof ConnectError)) throw error;
  return error.rawMessage;
}

/** Who wants two factors gets no more than one of a device that was remembered. */
function deviceTokenOf({ request, details }: Interaction): string {
  if (String(details.params.acr_values ?? '').split(' ').includes(assurance.twoFactors)) return '';
  return new RegExp(`(?:^|; )${deviceCookie}=([\\w-]{1,100})(?:;|$)`).exec(request.headers.cookie ?? '')?.[1] ?? '';
}

function proofOf(form: URLSearchParams): FactorProof | undefined {
  const given = (name: string) => form.get(name)?.trim() ?? '';
  const proofs = [['passkey', given('passkey')], ['totpCode', given('totp').replaceAll(' ', '')], ['emailCode', given('email_code').replaceAll(' ', '')], ['recoveryCode', given('recovery')]] as const;
  const [name, value] = proofs.find(([, text]) => text !== '') ?? [];
  return name && create(FactorProofSchema, { proof: { case: name, value: value! } });
}
