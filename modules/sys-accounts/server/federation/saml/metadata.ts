import type { SamlSide } from './saml-settings.ts';

/** What this platform is to a provider (Metadata, 2.4.4): with all certificates that count, while one takes the place of another. */
export async function serviceMetadata({ entityId, acs, logout, keys, settings }: SamlSide): Promise<string> {
  const { generateServiceProviderMetadata } = await import('@node-saml/node-saml');
  const metadata = generateServiceProviderMetadata({
    issuer: entityId,
    callbackUrl: acs,
    logoutCallbackUrl: logout,
    wantAssertionsSigned: true,
    identifierFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    privateKey: keys.signer.privateKey,
    publicCerts: keys.all.map(({ certificate }) => certificate),
    // A provider encrypts to any certificate that it finds here, as soon as it is here.
    ...(settings.wantsEncryptedAssertions && { decryptionPvk: keys.signer.privateKey, decryptionCert: keys.all[0]!.certificate }),
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
  });
  return withBothBindings(metadata, logout);
}

/** The library names one binding of logouts; we take both (Profiles, 4.4.3). */
function withBothBindings(metadata: string, logout: string): string {
  const redirect = `<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${logout}"/>`;
  return metadata.replace('<SingleLogoutService', `${redirect}\n    <SingleLogoutService`);
}
