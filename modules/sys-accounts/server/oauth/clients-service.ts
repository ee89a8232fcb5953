import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, etagOf, readList, requireMatch, updatePaths, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { OAuthClientSchema, Role, type OAuthClient, type OAuthClientsService } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { listFields } from '../list-fields.ts';
import type { Needs } from '../needs.ts';
import { hashOf, newOpaqueToken } from '../opaque-token.ts';
import { requireName } from '../require-name.ts';
import { fieldsOf, hasSecret, metadataOf, type Metadata } from './client-metadata.ts';
import type { ClientRow } from './find-client.ts';

type Tx = Transaction<Tables>;

/** The OAuth clients of an org. */
export function oauthClientsService({ db, deployment }: Needs): ServiceImpl<typeof OAuthClientsService> {
  return {
    async createOAuthClient({ oauthClient }) {
      const client = oauthClient!;
      requireName(client.name, 'oauth_client.name');
      const metadata = metadataOf(client);
      const secret = hasSecret(metadata) ? newOpaqueToken() : '';
      const values = { owner_org: caller().orgId, secret_hash: secret === '' ? null : hashOf(secret), disabled: client.disabled, ...columnsOf(client, metadata) };
      const row = await db.write((tx) => tx.insertInto('sys_accounts_oauth_clients').values(values).returningAll().executeTakeFirstOrThrow());
      return { oauthClient: clientMessage(row), clientSecret: secret };
    },

    async getOAuthClient({ oauthClientId }) {
      const row = await db.read((q) => q.selectFrom('sys_accounts_oauth_clients').selectAll().where('id', '=', oauthClientId).where('owner_org', '=', caller().orgId).executeTakeFirst());
      if (!row) throw errors.CLIENT_NOT_FOUND({ oauthClientId });
      return clientMessage(row);
    },

    async listOAuthClients(request) {
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, q.selectFrom('sys_accounts_oauth_clients').selectAll().where('owner_org', '=', caller().orgId), request, { secret: deployment.secret, fields: listFields.oauthClients, defaultOrder: 'create_time desc' }));
      return { oauthClients: rows.map(clientMessage), nextPageToken, totalSize };
    },

    async updateOAuthClient({ oauthClient, updateMask }) {
      const given = oauthClient!;
      const named = updatePaths(OAuthClientSchema, given, updateMask, ['name', 'grants', 'redirect_uris', 'post_logout_redirect_uris', 'backchannel_logout_uri', 'jwks', 'service_role', 'scopes', 'requires_dpop', 'requires_pushed_requests', 'disabled']);
      const row = await db.write(async (tx) => {
        const before = await lockClient(tx, given.oauthClientId);
        requireMatch(before.version, given.etag);
        const client = merged(clientMessage(before), given, named);
        requireName(client.name, 'oauth_client.name');
        const changes = { ...columnsOf(client, metadataOf(client)), disabled: client.disabled, version: sql<number>`version + 1`, updated_at: sql<Date>`now()` };
        // What the guard knows of it is asked anew.
        tx.changed(before.id);
        return tx.updateTable('sys_accounts_oauth_clients').set(changes).where('id', '=', before.id).returningAll().executeTakeFirstOrThrow();
      });
      return clientMessage(row);
    },

    async rotateOAuthClientSecret({ oauthClientId }) {
      const clientSecret = newOpaqueToken();
      await db.write(async (tx) => {
        const { id, metadata } = await lockClient(tx, oauthClientId);
        if (!hasSecret(metadata as unknown as Metadata)) throw errors.CLIENT_WITHOUT_SECRET();
        await tx.updateTable('sys_accounts_oauth_clients').set({ secret_hash: hashOf(clientSecret), version: sql<number>`version + 1`, updated_at: sql<Date>`now()` }).where('id', '=', id).execute();
      });
      return { clientSecret };
    },

    async deleteOAuthClient({ oauthClientId }) {
      await db.write(async (tx) => {
        const { id } = await lockClient(tx, oauthClientId);
        tx.changed(id);
        const sessions = await tx.updateTable('sys_accounts_sessions').set({ ended_at: sql<Date>`now()` }).where('client_id', '=', id).where('ended_at', 'is', null).returning('id').execute();
        for (const session of sessions) tx.changed(session.id);
        await tx.deleteFrom('sys_accounts_oauth_clients').where('id', '=', id).execute();
      });
      return create(EmptySchema);
    },
  };
}

async function lockClient(tx: Tx, oauthClientId: string): Promise<ClientRow> {
  const row = oauthClientId === '' ? undefined : await tx.selectFrom('sys_accounts_oauth_clients').selectAll().where('id', '=', oauthClientId).where('owner_org', '=', caller().orgId).forUpdate().executeTakeFirst();
  if (!row) throw errors.CLIENT_NOT_FOUND({ oauthClientId });
  return row;
}

const columnsOf = (client: OAuthClient, metadata: Metadata) => ({
  name: client.name.trim(),
  metadata: JSON.stringify(metadata),
  service_role: client.serviceRole === Role.ROLE_UNSPECIFIED ? null : (Role[client.serviceRole] as 'USER' | 'ADMIN'),
});

/** A client with the fields that a change names. */
function merged(before: OAuthClient, given: OAuthClient, named: ReadonlySet<string>): OAuthClient {
  const changes = OAuthClientSchema.fields.filter(({ name }) => named.has(name)).map(({ localName }) => [localName, given[localName as keyof OAuthClient]]);
  return { ...before, ...Object.fromEntries(changes) } as OAuthClient;
}

const clientMessage = (row: ClientRow): OAuthClient =>
  create(OAuthClientSchema, {
    oauthClientId: row.id,
    name: row.name,
    ...fieldsOf(row),
    serviceRole: row.service_role ? Role[row.service_role] : Role.ROLE_UNSPECIFIED,
    disabled: row.disabled,
    orgId: row.owner_org,
    createTime: timestampFromDate(row.created_at),
    updateTime: timestampFromDate(row.updated_at),
    etag: etagOf(row.version),
  });
