import type { ServiceImpl } from '@connectrpc/connect';
import { caller } from '@mainstay/kernel';
import type { WebRequest } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import type { ScimService } from '../../contract/index.ts';
import type { Needs, Reader } from '../needs.ts';
import { orTaken } from '../or-taken.ts';
import { answerList, answerResource, done, headerOf, lastSegment, namesOf, queryOf, requireJson, searchBody, type Answer } from './answer.ts';
import type { Json } from './attribute.ts';
import { changePerson, createPerson, removePerson } from './change-people.ts';
import { describedPerson, type DescribedPerson } from './described-person.ts';
import { groupsOf } from './find-groups.ts';
import { findPeople, findPerson, isId, personColumns, type PersonRow } from './find-people.ts';
import { listRequest, searchOf, searchRequest, type ListRequest } from './list-request.ts';
import { patched } from './patch-resource.ts';
import { projectionOf, type Projection } from './projection.ts';
import { readPatch } from './read-patch.ts';
import { readBody, readResource } from './read-resource.ts';
import { userResource } from './resources.ts';
import { userSchema } from './schemas.ts';
import { scimErrors } from './scim-errors.ts';

type Methods = Pick<ServiceImpl<typeof ScimService>, 'readUsers' | 'createUser' | 'replaceUser' | 'patchUser' | 'deleteUser'>;

/** The people of an org's directory. */
export function userMethods({ db, deployment }: Needs): Methods {
  const base = `${deployment.address}/scim/v2`;

  /** People with what is shown of them. */
  const shown = async (q: Reader, rows: readonly PersonRow[], project: Projection): Promise<Json[]> => {
    const groups = project.has('groups') && rows.length > 0 ? await groupsOf(q, caller().orgId, rows.map(({ id }) => id)) : [];
    const byPerson = Map.groupBy(groups, ({ account_id }) => account_id);
    return rows.map((row) => userResource(base, row, byPerson.get(row.id)));
  };

  const list = (asked: ListRequest, project: Projection): Promise<Answer> =>
    db.read(async (q) => {
      const { orgId } = caller();
      const { rows, total } = await findPeople(q, orgId, searchOf(asked, userSchema, personColumns(orgId)));
      return answerList((await shown(q, rows, project)).map(project), total, asked.startIndex);
    });

  const get = async (q: Reader, id: string, status: number, project: Projection): Promise<Answer> => {
    const row = isId(id) ? await findPerson(q, caller().orgId, id) : undefined;
    if (!row) throw scimErrors.notFound('user', id);
    return answerResource(status, (await shown(q, [row], project))[0]!, project);
  };

  /** Changes somebody, and answers with what has become of them. */
  const change = (request: WebRequest, after: (before: PersonRow) => DescribedPerson): Promise<Answer> => {
    const [id, project] = [lastSegment(request), projectionIn(queryOf(request))];
    return orTaken(scimErrors.uniqueness('the org has a user of that userName already'), () =>
      db.write(async (tx) => {
        await changePerson(tx, caller().orgId, id, after);
        return get(tx, id, 200, project);
      }),
    );
  };

  return {
    async readUsers(request) {
      const query = queryOf(request);
      if (request.method === 'POST') {
        requireJson(request);
        const body = searchBody(request);
        return list(searchRequest(body), projectionOf(namesOf(body.attributes), namesOf(body.excludedAttributes), userSchema));
      }
      const id = lastSegment(request);
      if (id === 'Users') return list(listRequest(query), projectionIn(query));
      const found = await db.read((q) => get(q, id, 200, projectionIn(query)));
      return unlessSeen(request, found);
    },

    async createUser(request) {
      requireJson(request);
      const person = describedPerson(readResource(readBody(request.body, userSchema.id), userSchema));
      const project = projectionIn(queryOf(request));
      return orTaken(scimErrors.uniqueness('the org has a user of that userName already'), () => db.write(async (tx) => get(tx, await createPerson(tx, caller().orgId, person), 201, project)));
    },

    async replaceUser(request) {
      requireJson(request);
      const person = describedPerson(readResource(readBody(request.body, userSchema.id), userSchema));
      return change(request, () => person);
    },

    async patchUser(request) {
      requireJson(request);
      const operations = readPatch(request.body);
      return change(request, (before) => describedPerson(patched({ ...before.resource, active: before.active }, operations, userSchema)));
    },

    async deleteUser(request) {
      await db.write((tx) => removePerson(tx, caller().orgId, lastSegment(request)));
      return done();
    },
  };
}

const projectionIn = (query: URLSearchParams): Projection => projectionOf(namesOf(query.get('attributes')), namesOf(query.get('excludedAttributes')), userSchema);

/** Who has this version already is only told so (RFC 9110 §13.1.2). */
export function unlessSeen(request: WebRequest, found: Answer): Answer {
  const [seen, etag] = [headerOf(request, 'if-none-match'), found.headers.find(({ name }) => name === 'etag')!];
  const isSeen = seen !== undefined && seen.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag.value);
  return isSeen ? { status: 304, headers: [etag], body: new Uint8Array() } : found;
}
