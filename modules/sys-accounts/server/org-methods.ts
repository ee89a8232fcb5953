import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, etagOf, readList, readMask, requireMatch, updatePaths } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import { MembershipChangedSchema, OrgSchema, Role, type OrgsService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import { listFields } from './list-fields.ts';
import type { Needs } from './needs.ts';
import { mayReadOrg, readableOrgs, requireOrgOfCall } from './org-of-call.ts';
import { requireName } from './require-name.ts';
import { orTaken } from './or-taken.ts';

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

    async getOrg({ orgId, readMask: mask }) {
      const cut = readMask<Message>(OrgSchema, mask);
      const row = mayReadOrg(orgId) ? await db.read((q) => q.selectFrom('sys_accounts_orgs').selectAll().where('id', '=', orgId).executeTakeFirst()) : undefined;
      if (!row) throw errors.ORG_NOT_FOUND({ orgId });
      return cut(orgMessage(row));
    },

    async listOrgs(request) {
      const cut = readMask<Message>(OrgSchema, request.readMask);
      const readable = readableOrgs();
      const { rows, nextPageToken, totalSize } = await db.read((q) => {
        const orgs = q.selectFrom('sys_accounts_orgs').selectAll().$if(readable !== 'all', (mine) => mine.where('id', 'in', readable as string[]));
        return readList(q, orgs, request, { secret: deployment.secret, fields: listFields.orgs, defaultOrder: 'create_time desc' });
      });
      return { orgs: rows.map((row) => cut(orgMessage(row))), nextPageToken, totalSize };
    },

    async updateOrg({ org, updateMask }) {
      const { orgId, name, contact, logoUrl, etag } = org!;
      requireOrgOfCall(orgId);
      const named = updatePaths(OrgSchema, org!, updateMask, ['name', 'contact', 'logo_url']);
      if (named.has('name')) requireName(name, 'org.name');
      const changes = { ...(named.has('name') && { name }), ...(named.has('contact') && { contact }), ...(named.has('logo_url') && { logo_url: logoUrl }) };
      const row = await orTaken(errors.ORG_NAME_TAKEN({ name }), () =>
        db.write(async (tx) => {
          const before = await tx.selectFrom('sys_accounts_orgs').select('version').where('id', '=', orgId).forUpdate().executeTakeFirst();
          if (!before) throw errors.ORG_NOT_FOUND({ orgId });
          requireMatch(before.version, etag);
          return tx.updateTable('sys_accounts_orgs').set({ ...changes, version: sql<number>`version + 1` }).where('id', '=', orgId).returningAll().executeTakeFirstOrThrow();
        }),
      );
      return orgMessage(row);
    },
  };
}

type Message = ReturnType<typeof orgMessage>;

const orgMessage = (row: Selectable<Tables['sys_accounts_orgs']>) => ({
  orgId: row.id,
  name: row.name,
  contact: row.contact,
  logoUrl: row.logo_url,
  personal: row.personal,
  creatorAccountId: row.creator_id ?? '',
  createTime: timestampFromDate(row.created_at),
  etag: etagOf(row.version),
});
