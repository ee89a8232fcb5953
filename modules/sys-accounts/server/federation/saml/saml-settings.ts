import type { SamlConfig } from '@node-saml/node-saml';
import type { SamlSettings } from '../../../contract/index.ts';
import { addressesOf } from '../addresses.ts';
import type { ProviderRow } from '../external-proof.ts';
import { settingsOf } from '../provider-settings.ts';
import type { Needs } from '../../needs.ts';
import { readServiceKeys, type ServiceKey, type ServiceKeys } from './service-keys.ts';

/** A SAML provider, and this platform as it knows it. */
export interface SamlSide {
  provider: ProviderRow;
  settings: SamlSettings;
  /** What this platform is called there: where its metadata lies. */
  entityId: string;
  acs: string;
  logout: string;
  keys: ServiceKeys;
}

/** Reads how a SAML provider is spoken to; nothing if it speaks another protocol. */
export async function samlSide(needs: Needs, provider: ProviderRow): Promise<SamlSide | undefined> {
  const settings = settingsOf(provider);
  if (settings.case !== 'saml') return undefined;
  const { samlMetadataUrl: entityId, samlAcsUrl: acs, samlLogoutUrl: logout } = addressesOf(needs.deployment, provider.id);
  return { provider, settings: settings.value, entityId, acs, logout, keys: await readServiceKeys(needs) };
}

/**
 * The library, set up for one message. It verifies, decrypts and signs; whom a message is for, and when it is good, is checked beside it
 * by the database's clock, and what is good once is kept in the database.
 */
export async function samlLibrary({ settings, entityId, acs, logout, keys }: SamlSide, certificates: readonly string[], more: Partial<SamlConfig> = {}, key: ServiceKey = keys.signer) {
  const { SAML } = await import('@node-saml/node-saml');
  return new SAML({
    idpCert: [...certificates],
    issuer: entityId,
    callbackUrl: acs,
    logoutCallbackUrl: logout,
    entryPoint: settings.signInUrl,
    logoutUrl: settings.logoutUrl || settings.signInUrl,
    privateKey: keys.signer.privateKey,
    publicCert: keys.signer.certificate,
    decryptionPvk: key.privateKey,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    // The provider knows best what it calls people.
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    audience: false,
    acceptedClockSkewMs: -1,
    cacheProvider: nothingKept,
    ...more,
  });
}

const nothingKept = { saveAsync: async () => null, getAsync: async () => null, removeAsync: async () => null };
