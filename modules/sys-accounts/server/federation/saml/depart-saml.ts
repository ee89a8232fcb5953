import { randomBytes } from 'node:crypto';
import { currentTime } from '@mainstay/kernel';
import { ProviderFailed, type Depart } from '../departure.ts';
import { samlLibrary, samlSide } from './saml-settings.ts';

/** An id of a message: an XML name that nobody guesses (Core, 1.3.4). */
export const newMessageId = (): string => `_${randomBytes(20).toString('hex')}`;

/** Begins a login at a SAML provider: a signed request in the address that the browser goes to (Bindings, 3.4). */
export const departSaml: Depart = async (needs, provider, { state, again, maxAge, twoFactors }) => {
  const side = await samlSide(needs, provider);
  if (!side) throw new ProviderFailed('the provider speaks no SAML');
  const requestId = newMessageId();
  // SAML has no way to say how old a proof may be.
  const forceAuthn = again || maxAge !== undefined || twoFactors;
  const contexts = twoFactors ? side.settings.twoFactorsContexts : [];
  const library = await samlLibrary(side, side.settings.certificates, { generateUniqueId: () => requestId, forceAuthn, ...(contexts.length > 0 && { disableRequestedAuthnContext: false, authnContext: contexts }) });
  const address = await library.getAuthorizeUrlAsync(state, undefined, {});
  return { address, checks: { requestId, ...(forceAuthn && { provenSince: currentTime().toISOString() }) } };
};
