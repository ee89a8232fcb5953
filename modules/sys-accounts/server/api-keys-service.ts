import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, readList } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import type { ApiKeysService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import { listFields } from './list-fields.ts';
import type { Needs } from './needs.ts';
import { hashOf, newOpaqueToken } from './opaque-token.ts';

/** One's own API keys: `mst_<id>_<secret>`, of which only a hash of the secret is stored. */
export function apiKeysService({ db, deployment }: Needs): ServiceImpl<typeof ApiKeysService> {
  return {
    async createApiKey({ name, expireTime }) {
      const { accountId, orgId, sessionId } = caller();
      const secret = newOpaqueToken();
      const row = await db.write(async (tx) => {
        // Who finds a key must not be able to make more of them that outlive it.
        const session = await tx.selectFrom('sys_accounts_sessions').select('id').where('id', '=', sessionId).executeTakeFirst();
        if (!session) throw errors.API_KEYS_ARE_FOR_PEOPLE();
        const values = { account_id: accountId, acting_org: orgId, name, secret_hash: hashOf(secret), expires_at: expireTime ? timestampDate(expireTime) : null, revoked_at: null };
        return tx.insertInto('sys_accounts_api_keys').values(values).returningAll().executeTakeFirstOrThrow();
      });
      return { apiKey: apiKey(row), secret: `mst_${row.id.replaceAll('-', '')}_${secret}` };
    },

    async listApiKeys(request) {
      const { rows, nextPageToken, totalSize } = await db.read((q) => {
        const usable = q
          .selectFrom('sys_accounts_api_keys')
          .selectAll()
          .where('account_id', '=', caller().accountId)
          .where('revoked_at', 'is', null)
          .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]));
        return readList(q, usable, request, { secret: deployment.secret, fields: listFields.apiKeys, defaultOrder: 'create_time desc' });
      });
      return { apiKeys: rows.map(apiKey), nextPageToken, totalSize };
    },

    async revokeApiKey({ apiKeyId }) {
      const revoked = await db.write((tx) => {
        tx.changed(apiKeyId);
        return tx.updateTable('sys_accounts_api_keys').set({ revoked_at: sql<Date>`now()` }).where('id', '=', apiKeyId).where('account_id', '=', caller().accountId).where('revoked_at', 'is', null).returning('id').executeTakeFirst();
      });
      if (!revoked) throw errors.API_KEY_NOT_FOUND({ apiKeyId });
      return create(EmptySchema);
    },
  };
}

const apiKey = (row: Selectable<Tables['sys_accounts_api_keys']>) => ({
  apiKeyId: row.id,
  name: row.name,
  orgId: row.acting_org,
  createTime: timestampFromDate(row.created_at),
  expireTime: row.expires_at ? timestampFromDate(row.expires_at) : undefined,
});
