import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { readList, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { MembershipChangedSchema, type OrgsService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import { requireAnotherAdmin } from './last-admin.ts';
import { addMember, memberOf, type MemberRow } from './members.ts';
import { listFields } from './list-fields.ts';
import type { Needs } from './needs.ts';
import { requireOrgOfCall } from './org-of-call.ts';
import { byHand, grantable, roleGrant } from './roles.ts';

type Methods = Pick<ServiceImpl<typeof OrgsService>, 'listMembers' | 'addMember' | 'removeMember' | 'grantRole' | 'revokeRole'>;
type Tx = Transaction<Tables>;

/** Who is a member of which org, with which roles. */
export function memberMethods({ db, deployment }: Needs): Methods {
  return {
    async listMembers(request) {
      requireOrgOfCall(request.orgId);
      const options = { secret: deployment.secret, fields: listFields.members, defaultOrder: 'email' };
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, memberOf(q, request.orgId), request, options));
      return { members: rows.map(memberMessage), nextPageToken, totalSize };
    },

    async addMember({ orgId, email, role }) {
      requireOrgOfCall(orgId);
      return db.write(async (tx) => {
        await requireSharedOrg(tx, orgId);
        const account = await tx.selectFrom('sys_accounts_accounts').select('id').where(sql`lower(email)`, '=', email.toLowerCase()).executeTakeFirst();
        if (!account) throw errors.EMAIL_NOT_FOUND();
        if (await memberOf(tx, orgId).where('a.id', '=', account.id).executeTakeFirst()) throw errors.ALREADY_MEMBER();
        await addMember(tx, orgId, account.id, grantable(role));
        return announced(tx, orgId, account.id);
      });
    },

    async removeMember({ orgId, accountId }) {
      requireOrgOfCall(orgId);
      await db.write(async (tx) => {
        await requireSharedOrg(tx, orgId);
        await requireAnotherAdmin(tx, orgId, accountId);
        if (!(await memberOf(tx, orgId).where('a.id', '=', accountId).executeTakeFirst())) throw errors.MEMBER_NOT_FOUND({ accountId });
        await leave(tx, orgId, accountId);
      });
      return create(EmptySchema);
    },

    async grantRole({ orgId, accountId, role, projectId }) {
      requireOrgOfCall(orgId);
      return db.write(async (tx) => {
        if (!(await memberOf(tx, orgId).where('a.id', '=', accountId).executeTakeFirst())) throw errors.MEMBER_NOT_FOUND({ accountId });
        if (projectId) await requireProject(tx, orgId, projectId);
        const grant = { account_id: accountId, role: grantable(role), scope_org: orgId, scope_project: projectId || null };
        await tx.insertInto('sys_accounts_role_grants').values(grant).onConflict(byHand).execute();
        return announced(tx, orgId, accountId);
      });
    },

    async revokeRole({ orgId, accountId, role, projectId }) {
      requireOrgOfCall(orgId);
      return db.write(async (tx) => {
        if (grantable(role) === 'ADMIN' && !projectId) await requireAnotherAdmin(tx, orgId, accountId);
        const revoked = await tx
          .deleteFrom('sys_accounts_role_grants')
          .where('account_id', '=', accountId)
          .where('role', '=', grantable(role))
          .where('scope_org', '=', orgId)
          .where('scope_project', 'is not distinct from', projectId || null)
          .returning('id')
          .executeTakeFirst();
        if (!revoked) throw errors.ROLE_NOT_HELD();
        if (!(await memberOf(tx, orgId).where('a.id', '=', accountId).executeTakeFirst())) throw errors.LAST_ROLE();
        return announced(tx, orgId, accountId);
      });
    },
  };
}

/** Tells other modules of the roles that a member has now, and gives the member. */
export async function announced(tx: Tx, orgId: string, accountId: string) {
  const member = memberMessage(await memberOf(tx, orgId).where('a.id', '=', accountId).executeTakeFirstOrThrow());
  await tx.emit(MembershipChangedSchema, { orgId, accountId, roles: member.roles }, { aggregate: accountId });
  return member;
}

/** Takes all roles in an org from a member, and tells other modules. */
export async function leave(tx: Tx, orgId: string, accountId: string): Promise<void> {
  await tx.deleteFrom('sys_accounts_role_grants').where('account_id', '=', accountId).where('scope_org', '=', orgId).execute();
  await tx.updateTable('sys_accounts_accounts').set({ home_org: null }).where('id', '=', accountId).where('home_org', '=', orgId).execute();
  await tx.emit(MembershipChangedSchema, { orgId, accountId, roles: [] }, { aggregate: accountId });
}

/** Throws `ORG_PERSONAL` for the org of one person. */
export async function requireSharedOrg(tx: Tx, orgId: string) {
  const org = await tx.selectFrom('sys_accounts_orgs').select('personal').where('id', '=', orgId).executeTakeFirst();
  if (!org) throw errors.ORG_NOT_FOUND({ orgId });
  if (org.personal) throw errors.ORG_PERSONAL();
}

/** Throws `PROJECT_NOT_FOUND` for a project of another org. */
export async function requireProject(tx: Tx, orgId: string, projectId: string) {
  const project = await tx.selectFrom('sys_accounts_projects').select('id').where('id', '=', projectId).where('owner_org', '=', orgId).forShare().executeTakeFirst();
  if (!project) throw errors.PROJECT_NOT_FOUND({ projectId });
}

const memberMessage = ({ id, email, display_name, grants }: MemberRow) => ({ accountId: id, email, displayName: display_name, roles: grants.map(roleGrant) });
