import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, readList } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import { Role, type GroupMappingsService } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { listFields } from '../list-fields.ts';
import { requireProject, requireSharedOrg } from '../member-methods.ts';
import type { Needs } from '../needs.ts';
import { requireName } from '../require-name.ts';
import { grantable } from '../roles.ts';
import { followGroups, peopleInGroup } from './groups.ts';

/** Which roles the groups of an org give. */
export function groupMappingsService({ db, deployment }: Needs): ServiceImpl<typeof GroupMappingsService> {
  return {
    async createGroupMapping({ groupMapping }) {
      const { orgId } = caller();
      const { groupName, role, projectId } = groupMapping!;
      requireName(groupName, 'group_mapping.group_name');
      if (role === Role.ROLE_UNSPECIFIED) throw errors.GROUP_ROLE_REQUIRED();
      return db.write(async (tx) => {
        await requireSharedOrg(tx, orgId);
        if (projectId) await requireProject(tx, orgId, projectId);
        const values = { owner_org: orgId, group_name: groupName, role: grantable(role), scope_project: projectId || null };
        const row = await tx.insertInto('sys_accounts_group_mappings').values(values).onConflict((conflict) => conflict.doNothing()).returningAll().executeTakeFirst();
        if (!row) throw errors.GROUP_MAPPED({ groupName });
        await followGroups(tx, orgId, await peopleInGroup(tx, orgId, groupName), 'refused');
        return mappingMessage(row);
      });
    },

    async listGroupMappings(request) {
      const { orgId } = caller();
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, q.selectFrom('sys_accounts_group_mappings').selectAll().where('owner_org', '=', orgId), request, { secret: deployment.secret, fields: listFields.groupMappings, defaultOrder: 'create_time desc' }));
      return { groupMappings: rows.map(mappingMessage), nextPageToken, totalSize };
    },

    async deleteGroupMapping({ groupMappingId }) {
      const { orgId } = caller();
      await db.write(async (tx) => {
        const row = await tx.deleteFrom('sys_accounts_group_mappings').where('id', '=', groupMappingId).where('owner_org', '=', orgId).returning('group_name').executeTakeFirst();
        if (!row) throw errors.GROUP_MAPPING_NOT_FOUND({ groupMappingId });
        await followGroups(tx, orgId, await peopleInGroup(tx, orgId, row.group_name), 'refused');
      });
      return create(EmptySchema);
    },
  };
}

const mappingMessage = (row: Selectable<Tables['sys_accounts_group_mappings']>) => ({
  groupMappingId: row.id,
  groupName: row.group_name,
  role: Role[row.role],
  projectId: row.scope_project ?? '',
  createTime: timestampFromDate(row.created_at),
});
