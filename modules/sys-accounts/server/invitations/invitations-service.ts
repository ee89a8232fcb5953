import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, readList } from '@mainstay/kernel';
import { sql } from 'kysely';
import { Role, type InvitationsService } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { checkProfile } from '../check-profile.ts';
import { countEmailRequest } from '../email-requests.ts';
import { listFields } from '../list-fields.ts';
import { requireProject, requireSharedOrg } from '../member-methods.ts';
import { memberOf } from '../members.ts';
import type { Needs } from '../needs.ts';
import { requireOrgOfCall } from '../org-of-call.ts';
import { grantable } from '../roles.ts';
import { acceptInvitation } from './accept-invitation.ts';
import { mailInvitation } from './mail-invitation.ts';
import { lastsAWeek, openInvitation, type InvitationRow } from './open-invitation.ts';

/** Who was asked to join an org. */
export function invitationsService(needs: Needs): ServiceImpl<typeof InvitationsService> {
  const { db, deployment } = needs;
  return {
    async createInvitation({ orgId, email, role, projectId, language }) {
      requireOrgOfCall(orgId);
      if (language) checkProfile({ language });
      await countEmailRequest(needs, email);
      const { accountId } = caller();
      return db.write(async (tx) => {
        await requireSharedOrg(tx, orgId);
        if (projectId) await requireProject(tx, orgId, projectId);
        else if (await memberOf(tx, orgId).where(sql`lower(a.email)`, '=', email.toLowerCase()).executeTakeFirst()) throw errors.ALREADY_MEMBER();
        const inviter = await tx.selectFrom('sys_accounts_accounts').select('language').where('id', '=', accountId).executeTakeFirstOrThrow();
        // One that has expired is in nobody's way.
        await tx.deleteFrom('sys_accounts_invitations').where('owner_org', '=', orgId).where(sql`lower(email)`, '=', email.toLowerCase()).where('expires_at', '<', sql<Date>`now()`).execute();
        const values = { owner_org: orgId, email, role: grantable(role), scope_project: projectId || null, inviter_id: accountId, language: language || inviter.language, expires_at: lastsAWeek };
        const row = await tx.insertInto('sys_accounts_invitations').values(values).onConflict((conflict) => conflict.doNothing()).returningAll().executeTakeFirst();
        if (!row) throw errors.ALREADY_INVITED();
        await tx.enqueue(mailInvitation, { invitationId: row.id });
        return invitationMessage(row);
      });
    },

    async listInvitations(request) {
      requireOrgOfCall(request.orgId);
      const { rows, nextPageToken, totalSize } = await db.read((q) => {
        const invitations = q.selectFrom('sys_accounts_invitations').selectAll().where('owner_org', '=', request.orgId);
        return readList(q, invitations, request, { secret: deployment.secret, fields: listFields.invitations, defaultOrder: 'create_time desc' });
      });
      return { invitations: rows.map(invitationMessage), nextPageToken, totalSize };
    },

    async resendInvitation({ orgId, invitationId }) {
      requireOrgOfCall(orgId);
      const found = await db.read((q) => q.selectFrom('sys_accounts_invitations').select('email').where('id', '=', invitationId).where('owner_org', '=', orgId).executeTakeFirst());
      if (!found) throw errors.INVITATION_NOT_FOUND({ invitationId });
      await countEmailRequest(needs, found.email);
      return db.write(async (tx) => {
        const row = await tx.updateTable('sys_accounts_invitations').set({ expires_at: lastsAWeek }).where('id', '=', invitationId).where('owner_org', '=', orgId).returningAll().executeTakeFirst();
        if (!row) throw errors.INVITATION_NOT_FOUND({ invitationId });
        await tx.enqueue(mailInvitation, { invitationId });
        return invitationMessage(row);
      });
    },

    async deleteInvitation({ orgId, invitationId }) {
      requireOrgOfCall(orgId);
      const { numDeletedRows } = await db.write((tx) => tx.deleteFrom('sys_accounts_invitations').where('id', '=', invitationId).where('owner_org', '=', orgId).executeTakeFirst());
      if (numDeletedRows === 0n) throw errors.INVITATION_NOT_FOUND({ invitationId });
      return create(EmptySchema);
    },

    async lookAtInvitation({ token }) {
      const row = await openInvitation(needs, token);
      const [org, inviter, account] = await Promise.all([
        db.read((q) => q.selectFrom('sys_accounts_orgs').select('name').where('id', '=', row.owner_org).executeTakeFirstOrThrow()),
        row.inviter_id && db.read((q) => q.selectFrom('sys_accounts_accounts').select('display_name').where('id', '=', row.inviter_id!).executeTakeFirst()),
        db.read((q) => q.selectFrom('sys_accounts_accounts').select('id').where(sql`lower(email)`, '=', row.email.toLowerCase()).executeTakeFirst()),
      ]);
      return { orgName: org.name, email: row.email, inviterName: (inviter && inviter.display_name) || '', role: Role[row.role], hasAccount: account !== undefined, expireTime: timestampFromDate(row.expires_at) };
    },

    acceptInvitation: (request) => acceptInvitation(needs, request),
  };
}

const invitationMessage = (row: InvitationRow) => ({
  invitationId: row.id,
  orgId: row.owner_org,
  email: row.email,
  role: Role[row.role],
  projectId: row.scope_project ?? '',
  inviterAccountId: row.inviter_id ?? '',
  createTime: timestampFromDate(row.created_at),
  expireTime: timestampFromDate(row.expires_at),
});
