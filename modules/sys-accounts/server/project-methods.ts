import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { etagOf, readList, readMask, requireMatch, updatePaths, type Transaction } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import { ProjectSchema, type OrgsService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import { listFields } from './list-fields.ts';
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

    async getProject({ orgId, projectId, readMask: mask }) {
      requireOrgOfCall(orgId);
      const cut = readMask<Message>(ProjectSchema, mask);
      const row = await db.read((q) => q.selectFrom('sys_accounts_projects').selectAll().where('id', '=', projectId).where('owner_org', '=', orgId).executeTakeFirst());
      if (!row) throw errors.PROJECT_NOT_FOUND({ projectId });
      return cut(projectMessage(row));
    },

    async listProjects(request) {
      const { orgId } = request;
      requireOrgOfCall(orgId);
      const cut = readMask<Message>(ProjectSchema, request.readMask);
      const options = { secret: deployment.secret, fields: listFields.projects, defaultOrder: 'create_time desc' };
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, q.selectFrom('sys_accounts_projects').selectAll().where('owner_org', '=', orgId), request, options));
      return { projects: rows.map((row) => cut(projectMessage(row))), nextPageToken, totalSize };
    },

    async updateProject({ orgId, projectId, project, updateMask }) {
      requireOrgOfCall(orgId);
      const { name, etag } = project!;
      const named = updatePaths(ProjectSchema, project!, updateMask, ['name']);
      if (named.has('name')) requireName(name, 'project.name');
      const row = await orTaken(errors.PROJECT_NAME_TAKEN({ name }), () =>
        db.write(async (tx) => {
          await lockVersion(tx, { orgId, projectId, etag });
          return tx.updateTable('sys_accounts_projects').set({ ...(named.has('name') && { name }), version: sql<number>`version + 1` }).where('id', '=', projectId).returningAll().executeTakeFirstOrThrow();
        }),
      );
      return projectMessage(row);
    },

    async deleteProject({ orgId, projectId, etag }) {
      requireOrgOfCall(orgId);
      await db.write(async (tx) => {
        await lockVersion(tx, { orgId, projectId, etag });
        // The roles in it go with it: whoever was a member by such a role alone is none any more.
        const lost = await tx.selectFrom('sys_accounts_role_grants').select('account_id').where('scope_org', '=', orgId).where('scope_project', '=', projectId).execute();
        await tx.deleteFrom('sys_accounts_projects').where('id', '=', projectId).execute();
        tx.changed(orgId);
        for (const { account_id } of lost) tx.changed(account_id);
      });
      return create(EmptySchema);
    },
  };
}

/** Locks a project of the version that `etag` names until the transaction ends. */
async function lockVersion(tx: Transaction<Tables>, { orgId, projectId, etag }: { orgId: string; projectId: string; etag: string }): Promise<void> {
  const row = await tx.selectFrom('sys_accounts_projects').select('version').where('id', '=', projectId).where('owner_org', '=', orgId).forUpdate().executeTakeFirst();
  if (!row) throw errors.PROJECT_NOT_FOUND({ projectId });
  requireMatch(row.version, etag);
}

type Message = ReturnType<typeof projectMessage>;

const projectMessage = (row: Selectable<Tables['sys_accounts_projects']>) => ({ projectId: row.id, orgId: row.owner_org, name: row.name, createTime: timestampFromDate(row.created_at), etag: etagOf(row.version) });
