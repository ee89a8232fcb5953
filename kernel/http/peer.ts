import { createContextValues, type ContextValues } from '@connectrpc/connect';
import type { FastifyRequest } from 'fastify';
import { peerKey, type Peer } from '../guard/call.ts';

const kept = Symbol('the peer of a request');

/** Where a request came from, and what becomes of it: one object a request. */
export function peerOf({ raw, ip, method, url }: FastifyRequest): Peer {
  const holder = raw as unknown as { [kept]?: Peer };
  return (holder[kept] ??= { address: ip, target: { method, url } });
}

/** Where a request came from in truth, as the gateway found out, and by which domain. */
export function setPeer(request: FastifyRequest, { address, domain }: Pick<Peer, 'address' | 'domain'>): void {
  const peer = peerOf(request);
  peer.address = address;
  if (domain !== undefined) peer.domain = domain;
}

/** Tells a handler where its call came from, as a context value: it never comes from the wire, so nobody can pretend. */
export const peerValues = (request: FastifyRequest): ContextValues => createContextValues().set(peerKey, peerOf(request));
