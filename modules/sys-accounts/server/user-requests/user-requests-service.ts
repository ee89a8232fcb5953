import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, readList, withViolations } from '@mainstay/kernel';
import { Role, UserRequestKind, UserRequestState, type CreateUserRequestRequest, type UserRequestsService } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { listFields } from '../list-fields.ts';
import { requireProject, requireSharedOrg } from '../member-methods.ts';
import type { Needs, Reader } from '../needs.ts';
import { requireOrgOfCall } from '../org-of-call.ts';
import { grantable } from '../roles.ts';
import { decide } from './decide-request.ts';
import { mailRequestDecided, mailRequestMade } from './mail-requests.ts';

/** Who has so many that wait asks for nothing more. */
const mostOpen = 20;

/** What members ask the administrators of their org for. */
export function userRequestsService({ db, deployment }: Needs): ServiceImpl<typeof UserRequestsService> {
  const options = { secret: deployment.secret, fields: listFields.userRequests, defaultOrder: 'create_time desc' };
  return {
    async createUserRequest(request) {
      const { orgId, text, projectId } = request;
      requireOrgOfCall(orgId);
      const { accountId } = caller();
      const { kind, role } = wanted(request);
      return db.write(async (tx) => {
        await requireSharedOrg(tx, orgId);
        if (projectId) await requireProject(tx, orgId, projectId);
        const open = await tx.selectFrom('sys_accounts_user_requests').select('id').where('account_id', '=', accountId).where('owner_org', '=', orgId).where('state', '=', 'OPEN').limit(mostOpen).execute();
        if (open.length >= mostOpen) throw errors.REQUESTS_REACHED({ most: mostOpen });
        const { id } = await tx.insertInto('sys_accounts_user_requests').values({ owner_org: orgId, account_id: accountId, kind, role, scope_project: projectId || null, text, decided_at: null }).returning('id').executeTakeFirstOrThrow();
        await tx.enqueue(mailRequestMade, { userRequestId: id });
        return readRequest(tx, id);
      });
    },

    async listUserRequests(request) {
      requireOrgOfCall(request.orgId);
      const { rows, ...page } = await db.read((q) => readList(q, requests(q).where('r.owner_org', '=', request.orgId), request, options));
      return { userRequests: rows.map(requestMessage), ...page };
    },

    async listOwnUserRequests(request) {
      const { accountId } = caller();
      const { rows, ...page } = await db.read((q) => readList(q, requests(q).where('r.account_id', '=', accountId), request, options));
      return { userRequests: rows.map(requestMessage), ...page };
    },

    async approveUserRequest({ orgId, userRequestId, answer }) {
      requireOrgOfCall(orgId);
      return db.write(async (tx) => {
        await decide(tx, { id: userRequestId, orgId, state: 'APPROVED', answer, deciderId: caller().accountId });
        await tx.enqueue(mailRequestDecided, { userRequestId });
        return readRequest(tx, userRequestId);
      });
    },

    async declineUserRequest({ orgId, userRequestId, answer }) {
      requireOrgOfCall(orgId);
      return db.write(async (tx) => {
        await decide(tx, { id: userRequestId, orgId, state: 'DECLINED', answer, deciderId: caller().accountId });
        await tx.enqueue(mailRequestDecided, { userRequestId });
        return readRequest(tx, userRequestId);
      });
    },

    async withdrawUserRequest({ userRequestId }) {
      const { accountId } = caller();
      return db.write(async (tx) => {
        await decide(tx, { id: userRequestId, accountId, state: 'WITHDRAWN', answer: '', deciderId: accountId });
        return readRequest(tx, userRequestId);
      });
    },
  };
}

/** What a request is for. Throws for one that does not say. */
function wanted({ kind, role, projectId }: CreateUserRequestRequest): { kind: 'ACCESS' | 'ROLE' | 'HELP'; role: 'USER' | 'ADMIN' | null } {
  if (kind === UserRequestKind.HELP) return { kind: 'HELP', role: null };
  if (kind === UserRequestKind.ACCESS && !projectId) throw withViolations(errors.REQUEST_UNFIT(), [{ field: 'project_id', description: 'must name the project that access is asked for', reason: 'project_id.missing' }]);
  if (kind === UserRequestKind.ACCESS) return { kind: 'ACCESS', role: 'USER' };
  if (role === Role.ROLE_UNSPECIFIED) throw withViolations(errors.REQUEST_UNFIT(), [{ field: 'role', description: 'must be the role that is asked for', reason: 'role.missing' }]);
  return { kind: 'ROLE', role: grantable(role) };
}

/** Requests with the names of who asks. */
export const requests = (q: Reader) => q.selectFrom('sys_accounts_user_requests as r').innerJoin('sys_accounts_accounts as a', 'a.id', 'r.account_id').selectAll('r').select('a.display_name as person_name');

type RequestRow = Awaited<ReturnType<ReturnType<typeof requests>['executeTakeFirstOrThrow']>>;

const readRequest = async (q: Reader, id: string) => requestMessage(await requests(q).where('r.id', '=', id).executeTakeFirstOrThrow());

/** A request as the contract shows it. */
export const requestMessage = (row: RequestRow) => ({
  userRequestId: row.id,
  orgId: row.owner_org,
  accountId: row.account_id,
  personName: row.person_name,
  kind: UserRequestKind[row.kind],
  role: row.role ? Role[row.role] : Role.ROLE_UNSPECIFIED,
  projectId: row.scope_project ?? '',
  text: row.text,
  state: UserRequestState[row.state],
  answer: row.answer,
  createTime: timestampFromDate(row.created_at),
  decideTime: row.decided_at ? timestampFromDate(row.decided_at) : undefined,
});
