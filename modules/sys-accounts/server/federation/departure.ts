import type { Needs } from '../needs.ts';
import type { ProviderRow } from './external-proof.ts';

/** What a login at a provider is to be like. */
export interface Wish {
  /** Comes back with the browser (`state`, `RelayState`): 43 characters. */
  state: string;
  /** The address that the person typed; may be empty. */
  loginHint: string;
  /** The person has to prove anew who they are, however lately they did. */
  again: boolean;
  /** How long ago, in seconds, the proof may be. */
  maxAge?: number;
  /** Two factors are wanted. */
  twoFactors: boolean;
}

/** Where a browser goes to log in at a provider, and what its answer will be checked with. */
export interface Departure {
  address: string;
  checks: Readonly<Record<string, string>>;
}

/** Begins a login at a provider, by one protocol. It writes nothing, so it may ask the provider. Throws `ProviderFailed`. */
export type Depart = (needs: Needs, provider: ProviderRow, wish: Wish) => Promise<Departure>;

/** The other side answers wrongly or not at all: the person is told so, and the log has the reason, which names no secret. */
export class ProviderFailed extends Error {
  override name = 'ProviderFailed';
}
