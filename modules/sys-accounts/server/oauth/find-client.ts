import { prepared } from '@mainstay/kernel';
import type { AdapterPayload } from 'oidc-provider';
import type { Selectable } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import type { Needs } from '../needs.ts';

export type ClientRow = Selectable<Tables['sys_accounts_oauth_clients']>;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A client as the provider reads it (RFC 7591); none if it is disabled. Its secret is not in the database: what stands in its place is compared with the hash of what is sent. */
export async function findClient(needs: Needs, clientId: string): Promise<AdapterPayload | undefined> {
  const row = uuid.test(clientId) ? await readClient(needs, clientId) : undefined;
  if (!row || row.disabled) return undefined;
  return {
    ...row.metadata,
    client_id: row.id,
    client_name: row.name,
    ...(row.secret_hash && { client_secret: Buffer.from(row.secret_hash).toString('base64url') }),
    owner_org: row.owner_org,
    service_role: row.service_role,
  } as AdapterPayload;
}

/** A client, whether or not it is disabled. */
export const readClient = ({ db }: Pick<Needs, 'db'>, id: string): Promise<ClientRow | undefined> => db.read((q) => clientById.first(q, { id }));

const clientById = prepared<Tables>()((q, { id }: { id: string }) => q.selectFrom('sys_accounts_oauth_clients').selectAll().where('id', '=', id));
