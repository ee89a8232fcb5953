/** The network address of the client, which the HTTP server sets; null on a call that crossed no network. */
export const clientAddressOf = (header: Headers): string | null => header.get('mainstay-client-address');
