import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, etagOf, newId, readList, requireMatch, updatePaths, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { IdentityProviderSchema, type IdentityProvider, type IdentityProvidersService } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { listFields } from '../list-fields.ts';
import { requireSharedOrg } from '../member-methods.ts';
import type { Needs } from '../needs.ts';
import { requireName } from '../require-name.ts';
import { addressesOf } from './addresses.ts';
import type { ProviderRow } from './external-proof.ts';
import { sealSecret } from './provider-secret.ts';
import { keptSettings, requireSettings, settingsOf, showsSecretAt, speaksFor } from './provider-settings.ts';

type Tx = Transaction<Tables>;

const changeable = ['name', 'oidc', 'oauth2', 'saml', 'trusts_second_factor', 'just_in_time', 'disabled'] as const;

/** Where the people of an org log in. */
export function identityProvidersService(needs: Needs): ServiceImpl<typeof IdentityProvidersService> {
  const { db, deployment } = needs;
  const message = (row: ProviderRow) => providerMessage(needs, row);
  return {
    async createIdentityProvider({ identityProvider }) {
      const given = identityProvider!;
      requireName(given.name, 'identity_provider.name');
      const id = newId();
      const { kind, settings, secret } = keptSettings(requireSettings(needs, given.settings));
      const values = { id, owner_org: caller().orgId, kind, settings: JSON.stringify(settings), sealed_secret: sealSecret(needs, id, secret), ...columnsOf(given) };
      return db.write(async (tx) => {
        await requireSharedOrg(tx, values.owner_org);
        return message(await tx.insertInto('sys_accounts_identity_providers').values(values).returningAll().executeTakeFirstOrThrow());
      });
    },

    async getIdentityProvider({ identityProviderId }) {
      const row = await db.read((q) => q.selectFrom('sys_accounts_identity_providers').selectAll().where('id', '=', identityProviderId).where('owner_org', '=', caller().orgId).executeTakeFirst());
      if (!row) throw errors.IDENTITY_PROVIDER_NOT_FOUND({ identityProviderId });
      return message(row);
    },

    async listIdentityProviders(request) {
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, q.selectFrom('sys_accounts_identity_providers').selectAll().where('owner_org', '=', caller().orgId), request, { secret: deployment.secret, fields: listFields.identityProviders, defaultOrder: 'create_time desc' }));
      return { identityProviders: rows.map(message), nextPageToken, totalSize };
    },

    async updateIdentityProvider({ identityProvider, updateMask }) {
      const given = identityProvider!;
      const named = updatePaths(IdentityProviderSchema, given, updateMask, changeable);
      return db.write(async (tx) => {
        const before = await lockProvider(tx, given.identityProviderId);
        requireMatch(before.version, given.etag);
        const provider = merged(message(before), given, named);
        requireName(provider.name, 'identity_provider.name');
        const changes = { ...columnsOf(provider), ...(await changedSettings(tx, needs, before, provider)), version: sql<number>`version + 1`, updated_at: sql<Date>`now()` };
        return message(await tx.updateTable('sys_accounts_identity_providers').set(changes).where('id', '=', before.id).returningAll().executeTakeFirstOrThrow());
      });
    },

    async deleteIdentityProvider({ identityProviderId }) {
      await db.write(async (tx) => {
        const { id } = await lockProvider(tx, identityProviderId);
        await tx.deleteFrom('sys_accounts_identity_providers').where('id', '=', id).execute();
      });
      return create(EmptySchema);
    },
  };
}

async function lockProvider(tx: Tx, identityProviderId: string): Promise<ProviderRow> {
  const row = identityProviderId === '' ? undefined : await tx.selectFrom('sys_accounts_identity_providers').selectAll().where('id', '=', identityProviderId).where('owner_org', '=', caller().orgId).forUpdate().executeTakeFirst();
  if (!row) throw errors.IDENTITY_PROVIDER_NOT_FOUND({ identityProviderId });
  return row;
}

const columnsOf = ({ name, trustsSecondFactor, justInTime, disabled }: IdentityProvider) => ({ name: name.trim(), trusts_second_factor: trustsSecondFactor, just_in_time: justInTime, disabled });

/** A provider with the fields that a change names. Settings come as a whole. */
function merged(before: IdentityProvider, given: IdentityProvider, named: ReadonlySet<(typeof changeable)[number]>): IdentityProvider {
  return {
    ...before,
    ...(named.has('name') && { name: given.name }),
    ...(named.has('trusts_second_factor') && { trustsSecondFactor: given.trustsSecondFactor }),
    ...(named.has('just_in_time') && { justInTime: given.justInTime }),
    ...(named.has('disabled') && { disabled: given.disabled }),
    ...((named.has('oidc') || named.has('oauth2') || named.has('saml')) && { settings: given.settings }),
  };
}

/** The columns of settings that are changed: the kind stays, a secret that is not given too, and whom it speaks for once somebody is known by it. */
async function changedSettings(tx: Tx, needs: Needs, before: ProviderRow, { settings: given }: IdentityProvider) {
  const { kind, settings, secret } = keptSettings(requireSettings(needs, given));
  if (kind !== before.kind) throw errors.IDENTITY_PROVIDER_UNFIT({ problem: `it is spoken to by ${before.kind}, which stays; connect another beside it` });
  if (speaksFor(given) !== speaksFor(settingsOf(before)) && (await isInUse(tx, before.id))) throw errors.IDENTITY_PROVIDER_IN_USE();
  if (before.sealed_secret && secret === '' && showsSecretAt(given) !== showsSecretAt(settingsOf(before))) throw errors.IDENTITY_PROVIDER_UNFIT({ problem: 'its secret goes elsewhere now: send client_secret, too' });
  return { settings: JSON.stringify(settings), ...(secret !== '' && { sealed_secret: sealSecret(needs, before.id, secret) }) };
}

const isInUse = async (tx: Tx, providerId: string): Promise<boolean> => (await tx.selectFrom('sys_accounts_external_identities').select('id').where('provider_id', '=', providerId).limit(1).executeTakeFirst()) !== undefined;

const providerMessage = ({ deployment }: Pick<Needs, 'deployment'>, row: ProviderRow): IdentityProvider =>
  create(IdentityProviderSchema, {
    identityProviderId: row.id,
    name: row.name,
    settings: settingsOf(row),
    trustsSecondFactor: row.trusts_second_factor,
    justInTime: row.just_in_time,
    disabled: row.disabled,
    ownAddresses: addressesOf(deployment, row.id),
    orgId: row.owner_org,
    createTime: timestampFromDate(row.created_at),
    updateTime: timestampFromDate(row.updated_at),
    etag: etagOf(row.version),
  });
