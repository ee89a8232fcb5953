import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, paginate } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import { MembershipChangedSchema, OrgsService, Role } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import type { Needs } from './needs.ts';
import { mayReadOrg, readableOrgs, requireOrgOfCall } from './org-of-call.ts';
import { requireName } from './require-name.ts';
import { orTaken } from './or-taken.ts';
import { fieldsToUpdate } from './update-mask.ts';

type Methods = Pick<ServiceImpl<typeof OrgsService>, 'createOrg' | 'getOrg' | 'listOrgs' | 'updateOrg'>;

/** Orgs themselves. */
export function orgMethods({ db, deployment }: Needs): Methods {
  return {
    async createOrg({ org }) {
      const { accountId } = caller();
      const { name, contact, logoUrl } = org!;
      requireName(name, 'org.name');
      return db.write(async (tx) => {
        const values = { name, contact, logo_url: logoUrl, creator_id: accountId };
        const row = await tx.insertInto('sys_accounts_orgs').values(values).onConflict((conflict) => conflict.doNothing()).returningAll().executeTakeFirst();
        if (!row) throw errors.ORG_NAME_TAKEN({ name });
        await tx.insertInto('sys_accounts_role_grants').values({ account_id: accountId, role: 'ADMIN', scope_org: row.id, scope_project: null }).execute();
        await tx.emit(MembershipChangedSchema, { orgId: row.id, accountId, roles: [{ role: Role.ADMIN, orgId: row.id }] }, { aggregate: accountId });
        return orgMessage(row);
      });
    },

    async getOrg({ orgId }) {
      const row = mayReadOrg(orgId) ? await db.read((q) => q.selectFrom('sys_accounts_orgs').selectAll().where('id', '=', orgId).executeTakeFirst()) : undefined;
      if (!row) throw errors.ORG_NOT_FOUND({ orgId });
      return orgMessage(row);
    },

    async listOrgs({ pageSize, pageToken }) {
      const readable = readableOrgs();
      const page = { secret: deployment.secret, list: OrgsService.method.listOrgs.name, query: readable, pageSize, pageToken, orderBy: [['id', 'desc']] as const };
      const { rows, nextPageToken } = await db.read((q) =>
        paginate(q.selectFrom('sys_accounts_orgs').selectAll().$if(readable !== 'all', (mine) => mine.where('id', 'in', readable as string[])), page),
      );
      return { orgs: rows.map(orgMessage), nextPageToken };
    },

    async updateOrg({ org, updateMask }) {
      const { orgId, name, contact, logoUrl } = org!;
      requireOrgOfCall(orgId);
      const changes = fieldsToUpdate(updateMask, { name, contact, logo_url: logoUrl });
      if (changes.name !== undefined) requireName(changes.name, 'org.name');
      const row = await orTaken(errors.ORG_NAME_TAKEN({ name }), () =>
        db.write((tx) => tx.updateTable('sys_accounts_orgs').set({ ...changes, id: orgId }).where('id', '=', orgId).returningAll().executeTakeFirst()),
      );
      if (!row) throw errors.ORG_NOT_FOUND({ orgId });
      return orgMessage(row);
    },
  };
}

const orgMessage = (row: Selectable<Tables['sys_accounts_orgs']>) => ({
  orgId: row.id,
  name: row.name,
  contact: row.contact,
  logoUrl: row.logo_url,
  personal: row.personal,
  creatorAccountId: row.creator_id ?? '',
  createTime: timestampFromDate(row.created_at),
});
