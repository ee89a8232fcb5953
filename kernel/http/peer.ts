import { createContextKey, createContextValues, type ContextKey, type ContextValues } from '@connectrpc/connect';

/** Where a call from outside came from. */
export interface Peer {
  /** The address of the other end of the connection. */
  address: string;
}

/** Tells a handler its peer, as a context value: it never comes from the wire, so nobody can pretend. */
export const peerKey: ContextKey<Peer | undefined> = createContextKey<Peer | undefined>(undefined, { description: 'mainstay peer' });

export const peerValues = (address: string | undefined): ContextValues => createContextValues().set(peerKey, address === undefined ? undefined : { address });
