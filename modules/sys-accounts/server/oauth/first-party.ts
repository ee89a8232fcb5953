import type { ClientMetadata } from 'oidc-provider';

/** The pages of this deployment, which are sent back to it and nowhere else. */
export const ownPages = 'mainstay-pages';

/** The platform's own clients, which are there in every deployment. They keep no secret, and people are not asked whether they trust them. */
export const firstPartyClients = (address: string): readonly ClientMetadata[] => [
  {
    client_id: 'mainstay-cli',
    client_name: 'Mainstay command line',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
  },
  {
    client_id: ownPages,
    client_name: 'Mainstay',
    application_type: 'web',
    token_endpoint_auth_method: 'none',
    redirect_uris: [new URL('/apps/sys-accounts/signed-in.html', address).href],
    grant_types: ['authorization_code'],
    response_types: ['code'],
  },
];

const ids: ReadonlySet<string> = new Set(firstPartyClients('http://localhost').map(({ client_id }) => client_id));

/** Whether a client is one of them. */
export const isFirstParty = ({ clientId }: { clientId: string }): boolean => ids.has(clientId);
