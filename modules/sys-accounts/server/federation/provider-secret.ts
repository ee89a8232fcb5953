import { seal, unseal } from '../sealing.ts';
import type { Needs } from '../needs.ts';
import type { ProviderRow } from './external-proof.ts';

const purpose = 'secrets of identity providers';

/** The secret of a provider as its row keeps it; null for none. */
export const sealSecret = ({ deployment }: Pick<Needs, 'deployment'>, providerId: string, secret: string): Buffer | null => (secret === '' ? null : seal(deployment.secret, purpose, providerId, secret));

/** What this platform shows a provider to be known there; nothing if it has no secret. */
export function secretOf({ deployment }: Pick<Needs, 'deployment'>, { id, sealed_secret }: Pick<ProviderRow, 'id' | 'sealed_secret'>): string | undefined {
  return sealed_secret ? unseal(deployment.secret, purpose, id, sealed_secret) : undefined;
}
