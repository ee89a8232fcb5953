import type { ClientMetadata } from 'oidc-provider';

/** The platform's own clients, which are there in every deployment. They keep no secret, and people are not asked whether they trust them. */
export const firstPartyClients: readonly ClientMetadata[] = [
  {
    client_id: 'mainstay-cli',
    client_name: 'Mainstay command line',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
  },
];
