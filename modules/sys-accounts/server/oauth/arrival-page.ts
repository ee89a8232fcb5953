import { currentCall } from '@mainstay/kernel';
import { readProof } from '../federation/external-logins.ts';
import { logInExternally } from '../federation/log-in-externally.ts';
import type { External, Interaction } from './interaction.ts';
import { finishLogin, showFactors, showNotLoggedIn, showPassword } from './login-forms.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Who came back from a provider for this page, if the address says that somebody did. */
export async function readExternal({ needs, request, details }: Interaction): Promise<External | 'over' | undefined> {
  const loginId = new URL(request.url!, needs.deployment.address).searchParams.get('external');
  if (loginId === null) return undefined;
  const proof = uuid.test(loginId) ? await readProof(needs, loginId, details.uid) : undefined;
  return proof ? { loginId, proof } : 'over';
}

/** Goes on with who came back from a provider: they are logged in, asked for a second factor, or asked to log in here once. */
export async function arrive(interaction: Interaction, deviceToken: string): Promise<void> {
  const { needs, words, details, external } = interaction;
  const { who, challenge, link, refused } = await logInExternally(needs, { ...external!, interactionUid: details.uid }, { deviceToken, clientAddress: currentCall().clientAddress });
  if (who) return finishLogin(interaction, who);
  if (challenge) return showFactors(interaction, challenge);
  return link ? showPassword(interaction) : showNotLoggedIn(interaction, refused!(words));
}
