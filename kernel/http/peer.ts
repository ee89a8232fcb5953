import { createContextValues, type ContextValues } from '@connectrpc/connect';
import type { FastifyRequest } from 'fastify';
import { peerKey, type Peer } from '../guard/call.ts';

const kept = Symbol('the peer of a request');

/** Where a request came from, and what becomes of it: one object a request. */
export function peerOf({ raw, ip }: FastifyRequest): Peer {
  const holder = raw as unknown as { [kept]?: Peer };
  return (holder[kept] ??= { address: ip });
}

/** Tells a handler where its call came from, as a context value: it never comes from the wire, so nobody can pretend. */
export const peerValues = (request: FastifyRequest): ContextValues => createContextValues().set(peerKey, peerOf(request));
