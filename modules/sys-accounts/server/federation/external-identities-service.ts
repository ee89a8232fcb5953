import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, type Transaction } from '@mainstay/kernel';
import type { ExternalIdentitiesService } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { Needs } from '../needs.ts';
import { factorsOf } from '../second-factors/factor-rows.ts';

type Tx = Transaction<Tables>;

/** Who people are at the providers of their orgs: what they see of it, and end. */
export function externalIdentitiesService({ db }: Pick<Needs, 'db'>): ServiceImpl<typeof ExternalIdentitiesService> {
  return {
    async listExternalIdentities() {
      const rows = await db.read((q) =>
        q
          .selectFrom('sys_accounts_external_identities as i')
          .innerJoin('sys_accounts_identity_providers as p', 'p.id', 'i.provider_id')
          .selectAll('i')
          .select(['p.name', 'p.owner_org'])
          .where('i.account_id', '=', caller().accountId)
          .orderBy('i.id')
          .execute(),
      );
      return {
        externalIdentities: rows.map((row) => ({
          externalIdentityId: row.id,
          identityProviderId: row.provider_id,
          providerName: row.name,
          orgId: row.owner_org,
          subject: row.subject,
          email: row.email,
          createTime: timestampFromDate(row.created_at),
          lastLoginTime: timestampFromDate(row.last_login_at),
        })),
      };
    },

    async deleteExternalIdentity({ externalIdentityId }) {
      const { accountId } = caller();
      await db.write(async (tx) => {
        // One after the other: of two that are removed at once one may be the last way in.
        const { password_hash } = await tx.selectFrom('sys_accounts_accounts').select('password_hash').where('id', '=', accountId).forUpdate().executeTakeFirstOrThrow();
        const removed = await tx.deleteFrom('sys_accounts_external_identities').where('id', '=', externalIdentityId).where('account_id', '=', accountId).returning('id').executeTakeFirst();
        if (!removed) throw errors.EXTERNAL_IDENTITY_NOT_FOUND({ externalIdentityId });
        if (password_hash === null && !(await hasOtherWay(tx, accountId))) throw errors.ONLY_WAY_IN();
        tx.changed(accountId);
      });
      return create(EmptySchema);
    },
  };
}

/** Whether an account without a password can still be logged in to: by a passkey, or at another provider. */
async function hasOtherWay(tx: Tx, accountId: string): Promise<boolean> {
  const passkey = await factorsOf(tx, accountId).where('kind', '=', 'PASSKEY').limit(1).executeTakeFirst();
  if (passkey) return true;
  const other = await tx.selectFrom('sys_accounts_external_identities as i').innerJoin('sys_accounts_identity_providers as p', 'p.id', 'i.provider_id').select('i.id').where('i.account_id', '=', accountId).where('p.disabled', '=', false).limit(1).executeTakeFirst();
  return other !== undefined;
}
