import type { DeploymentInfo } from '@mainstay/kernel';

/** What an administrator enters at an identity provider: each provider has addresses of its own (RFC 9700, 4.4.2). */
export function addressesOf({ address }: Pick<DeploymentInfo, 'address'>, providerId: string) {
  return {
    redirectUri: `${address}/oauth2/external/${providerId}`,
    samlMetadataUrl: `${address}/saml2/${providerId}/metadata`,
    samlAcsUrl: `${address}/saml2/${providerId}/acs`,
    samlLogoutUrl: `${address}/saml2/${providerId}/logout`,
  };
}
