import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller } from '@mainstay/kernel';
import { sql } from 'kysely';
import { Factor, Role, type UserViewService } from '../../contract/index.ts';
import { readFullAccount } from '../account-message.ts';
import { actingMessage } from '../acting/acting-service.ts';
import { openActings } from '../acting/actings.ts';
import { emailChangeMessage } from '../email-change/email-change-service.ts';
import type { Needs, Reader } from '../needs.ts';
import { requestMessage, requests } from '../user-requests/user-requests-service.ts';
import { orgsOf } from './orgs-of-person.ts';
import { permissionsThatCount } from './permissions-that-count.ts';

/** What a client shows about who is signed in. */
export function userViewService({ db, deployment }: Needs): ServiceImpl<typeof UserViewService> {
  return {
    async getUserView() {
      const { accountId, orgId, roles, actorAccountId } = caller();
      const permissions = permissionsThatCount(deployment.permissions, { orgId, roles });
      const decides = permissions.includes('accounts.user_requests.approve');
      const [account, orgs, invitations, emailChange, factors, recoveryCodesLeft, sessionCount, actings, openRequests, toDecide] = await Promise.all([
        db.read((q) => readFullAccount(q, accountId)),
        db.read((q) => orgsOf(q, accountId)),
        db.read((q) => invitationsTo(q, accountId)),
        db.read((q) => q.selectFrom('sys_accounts_email_changes').selectAll().where('account_id', '=', accountId).where('expires_at', '>', sql<Date>`now()`).executeTakeFirst()),
        db.read((q) => q.selectFrom('sys_accounts_second_factors').select('kind').distinct().where('account_id', '=', accountId).where('confirmed_at', 'is not', null).orderBy('kind').execute()),
        db.read((q) => q.selectFrom('sys_accounts_recovery_codes').select(sql<number>`count(*)::int`.as('left')).where('account_id', '=', accountId).executeTakeFirstOrThrow()),
        db.read((q) => openSessions(q, accountId)),
        db.read((q) => openActings(q, accountId)),
        db.read((q) => requests(q).where('r.account_id', '=', accountId).where('r.state', '=', 'OPEN').orderBy('r.id', 'desc').limit(100).execute()),
        decides ? db.read((q) => waiting(q, orgId)) : { count: 0 },
      ]);
      return {
        account,
        orgs,
        currentOrgId: orgId,
        permissions,
        invitations: invitations.map(({ id, org, inviter, role, expires_at }) => ({ invitationId: id, orgName: org, inviterName: inviter ?? '', role: Role[role], expireTime: timestampFromDate(expires_at) })),
        emailChange: emailChange && emailChangeMessage(emailChange),
        secondFactors: factors.map(({ kind }) => Factor[kind]),
        recoveryCodesLeft: recoveryCodesLeft.left,
        sessionCount: sessionCount.count,
        actings: actings.map(actingMessage),
        acting: actorAccountId !== undefined,
        openRequests: openRequests.map(requestMessage),
        requestsToDecide: toDecide.count,
      };
    },
  };
}

const openSessions = (q: Reader, accountId: string) =>
  q.selectFrom('sys_accounts_sessions').select(sql<number>`count(*)::int`.as('count')).where('account_id', '=', accountId).where('ended_at', 'is', null).where('expires_at', '>', sql<Date>`now()`).executeTakeFirstOrThrow();

const waiting = (q: Reader, orgId: string) => q.selectFrom('sys_accounts_user_requests').select(sql<number>`count(*)::int`.as('count')).where('owner_org', '=', orgId).where('state', '=', 'OPEN').executeTakeFirstOrThrow();

/** Who has not shown that the address is theirs learns nothing of what is sent there. */
const invitationsTo = (q: Reader, accountId: string) =>
  q
    .selectFrom('sys_accounts_accounts as a')
    .innerJoin('sys_accounts_invitations as i', (join) => join.on(sql<boolean>`lower(i.email) = lower(a.email)`))
    .innerJoin('sys_accounts_orgs as o', 'o.id', 'i.owner_org')
    .leftJoin('sys_accounts_accounts as inviter', 'inviter.id', 'i.inviter_id')
    .select(['i.id', 'i.role', 'i.expires_at', 'o.name as org', 'inviter.display_name as inviter'])
    .where('a.id', '=', accountId)
    .where('a.email_verified_at', 'is not', null)
    .where('i.expires_at', '>', sql<Date>`now()`)
    .orderBy('i.id')
    .limit(100)
    .execute();
