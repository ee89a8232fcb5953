import { createContextValues, type ContextValues } from '@connectrpc/connect';
import { peerKey } from '../guard/call.ts';

/** Tells a handler where its call came from, as a context value: it never comes from the wire, so nobody can pretend. */
export const peerValues = (address: string | undefined): ContextValues => createContextValues().set(peerKey, address === undefined ? undefined : { address });
