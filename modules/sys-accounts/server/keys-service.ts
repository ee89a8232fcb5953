import type { ServiceImpl } from '@connectrpc/connect';
import { sql } from 'kysely';
import type { KeysService } from '../contract/index.ts';
import type { Needs } from './needs.ts';
import { currentSigningKey } from './signing-keys.ts';

/** What a retired key signed expires within this time, at the longest setting of `accessTokenMinutes`. */
const verifiesAfterRetirement = sql`interval '70 minutes'`;

/** The public keys that the guard verifies access tokens with. */
export function keysService(needs: Needs): ServiceImpl<typeof KeysService> {
  return {
    async listVerificationKeys() {
      await currentSigningKey(needs);
      const rows = await needs.db.read((q) =>
        q
          .selectFrom('sys_accounts_signing_keys')
          .select(['id', 'public_jwk'])
          .where((where) => where.or([where('retired_at', 'is', null), where('retired_at', '>', sql<Date>`now() - ${verifiesAfterRetirement}`)]))
          .orderBy('id', 'desc')
          .execute(),
      );
      return { keys: rows.map(({ id, public_jwk }) => ({ keyId: id, publicJwk: JSON.stringify(public_jwk) })) };
    },
  };
}
