import type { ServiceImpl } from '@connectrpc/connect';
import { caller, etagOf } from '@mainstay/kernel';
import type { WebRequest } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import type { ScimService } from '../../contract/index.ts';
import type { Needs, Reader } from '../needs.ts';
import { orTaken } from '../or-taken.ts';
import { answerList, answerResource, done, lastSegment, namesOf, queryOf, requireJson, searchBody, type Answer } from './answer.ts';
import type { Json } from './attribute.ts';
import { changeGroup, createGroup, deleteGroup, wholeGroup, type GroupChange } from './change-groups.ts';
import { findGroups, groupColumns, groupOf, membersOf, type GroupRow } from './find-groups.ts';
import { isId } from './find-people.ts';
import { listRequest, searchOf, searchRequest, type ListRequest } from './list-request.ts';
import { groupChanges } from './patch-group.ts';
import { projectionOf, type Projection } from './projection.ts';
import { readPatch } from './read-patch.ts';
import { readBody, readResource } from './read-resource.ts';
import { groupResource } from './resources.ts';
import { groupSchema } from './schemas.ts';
import { scimErrors } from './scim-errors.ts';
import { unlessSeen } from './user-methods.ts';

type Methods = Pick<ServiceImpl<typeof ScimService>, 'readGroups' | 'createGroup' | 'replaceGroup' | 'patchGroup' | 'deleteGroup'>;

/** The groups of an org's directory. */
export function groupMethods({ db, deployment }: Needs): Methods {
  const base = `${deployment.address}/scim/v2`;

  /** Groups with what is shown of them; who is in them is read only where it is. */
  const shown = async (q: Reader, rows: readonly GroupRow[], project: Projection): Promise<Json[]> => {
    const members = project.has('members') && rows.length > 0 ? await membersOf(q, rows.map(({ id }) => id)) : [];
    const byGroup = Map.groupBy(members, ({ group_id }) => group_id);
    return rows.map((row) => groupResource(base, row, byGroup.get(row.id)));
  };

  const list = (asked: ListRequest, project: Projection): Promise<Answer> =>
    db.read(async (q) => {
      const { rows, total } = await findGroups(q, caller().orgId, searchOf(asked, groupSchema, groupColumns));
      return answerList((await shown(q, rows, project)).map(project), total, asked.startIndex);
    });

  const get = async (q: Reader, id: string, status: number, project: Projection): Promise<Answer> => {
    const row = isId(id) ? await groupOf(q, caller().orgId, id).executeTakeFirst() : undefined;
    if (!row) throw scimErrors.notFound('group', id);
    return answerResource(status, (await shown(q, [row], project))[0]!, project);
  };

  const change = (request: WebRequest, changes: readonly GroupChange[], answer: (q: Reader, id: string) => Promise<Answer>): Promise<Answer> => {
    const id = lastSegment(request);
    return orTaken(taken(), () =>
      db.write(async (tx) => {
        await changeGroup(tx, caller().orgId, id, changes);
        return answer(tx, id);
      }),
    );
  };

  return {
    async readGroups(request) {
      const query = queryOf(request);
      if (request.method === 'POST') {
        requireJson(request);
        const body = searchBody(request);
        return list(searchRequest(body), projectionOf(namesOf(body.attributes), namesOf(body.excludedAttributes), groupSchema));
      }
      const id = lastSegment(request);
      if (id === 'Groups') return list(listRequest(query), projectionIn(query));
      const found = await db.read((q) => get(q, id, 200, projectionIn(query)));
      return unlessSeen(request, found);
    },

    async createGroup(request) {
      requireJson(request);
      const group = wholeGroup(readResource(readBody(request.body, groupSchema.id), groupSchema));
      const project = projectionIn(queryOf(request));
      return orTaken(taken(), () => db.write(async (tx) => get(tx, await createGroup(tx, caller().orgId, group), 201, project)));
    },

    async replaceGroup(request) {
      requireJson(request);
      const group = wholeGroup(readResource(readBody(request.body, groupSchema.id), groupSchema));
      return change(request, [group], (q, id) => get(q, id, 200, projectionIn(queryOf(request))));
    },

    async patchGroup(request) {
      requireJson(request);
      const changes = groupChanges(readPatch(request.body));
      const query = queryOf(request);
      // A group can be large: what has become of it is in the answer only if that was asked for (RFC 7644 §3.5.2).
      if (query.has('attributes')) return change(request, changes, (q, id) => get(q, id, 200, projectionIn(query)));
      return change(request, changes, async (q, id) => done({ etag: etagOf((await groupOf(q, caller().orgId, id).executeTakeFirstOrThrow()).version) }));
    },

    async deleteGroup(request) {
      await db.write((tx) => deleteGroup(tx, caller().orgId, lastSegment(request)));
      return done();
    },
  };
}

const projectionIn = (query: URLSearchParams): Projection => projectionOf(namesOf(query.get('attributes')), namesOf(query.get('excludedAttributes')), groupSchema);

const taken = (): Error => scimErrors.uniqueness('the org has a group of that displayName already');
