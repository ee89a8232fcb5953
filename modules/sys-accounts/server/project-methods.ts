import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { paginate } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import { OrgsService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import type { Needs } from './needs.ts';
import { orTaken } from './or-taken.ts';
import { requireOrgOfCall } from './org-of-call.ts';
import { requireName } from './require-name.ts';

type Methods = Pick<ServiceImpl<typeof OrgsService>, 'createProject' | 'getProject' | 'listProjects' | 'updateProject' | 'deleteProject'>;

/** The projects of orgs. */
export function projectMethods({ db, deployment }: Needs): Methods {
  return {
    async createProject({ orgId, project }) {
      requireOrgOfCall(orgId);
      const { name } = project!;
      requireName(name, 'project.name');
      return db.write(async (tx) => {
        const org = await tx.selectFrom('sys_accounts_orgs').select('id').where('id', '=', orgId).executeTakeFirst();
        if (!org) throw errors.ORG_NOT_FOUND({ orgId });
        const row = await tx.insertInto('sys_accounts_projects').values({ owner_org: orgId, name }).onConflict((conflict) => conflict.doNothing()).returningAll().executeTakeFirst();
        if (!row) throw errors.PROJECT_NAME_TAKEN({ name });
        return projectMessage(row);
      });
    },

    async getProject({ orgId, projectId }) {
      requireOrgOfCall(orgId);
      const row = await db.read((q) => q.selectFrom('sys_accounts_projects').selectAll().where('id', '=', projectId).where('owner_org', '=', orgId).executeTakeFirst());
      if (!row) throw errors.PROJECT_NOT_FOUND({ projectId });
      return projectMessage(row);
    },

    async listProjects({ orgId, pageSize, pageToken }) {
      requireOrgOfCall(orgId);
      const page = { secret: deployment.secret, list: OrgsService.method.listProjects.name, query: orgId, pageSize, pageToken, orderBy: [['id', 'desc']] as const };
      const { rows, nextPageToken } = await db.read((q) => paginate(q.selectFrom('sys_accounts_projects').selectAll().where('owner_org', '=', orgId), page));
      return { projects: rows.map(projectMessage), nextPageToken };
    },

    async updateProject({ orgId, projectId, project }) {
      requireOrgOfCall(orgId);
      const { name } = project!;
      requireName(name, 'project.name');
      const row = await orTaken(errors.PROJECT_NAME_TAKEN({ name }), () =>
        db.write((tx) => tx.updateTable('sys_accounts_projects').set({ name }).where('id', '=', projectId).where('owner_org', '=', orgId).returningAll().executeTakeFirst()),
      );
      if (!row) throw errors.PROJECT_NOT_FOUND({ projectId });
      return projectMessage(row);
    },

    async deleteProject({ orgId, projectId }) {
      requireOrgOfCall(orgId);
      const deleted = await db.write((tx) => tx.deleteFrom('sys_accounts_projects').where('id', '=', projectId).where('owner_org', '=', orgId).returning('id').executeTakeFirst());
      if (!deleted) throw errors.PROJECT_NOT_FOUND({ projectId });
      return create(EmptySchema);
    },
  };
}

const projectMessage = (row: Selectable<Tables['sys_accounts_projects']>) => ({ projectId: row.id, orgId: row.owner_org, name: row.name, createTime: timestampFromDate(row.created_at) });
