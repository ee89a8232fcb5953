import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, currentCall, readList } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { ActingService } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { accessTokenSigner } from '../access-token.ts';
import { listFields } from '../list-fields.ts';
import { orgOfLogin } from '../login/finish-login.ts';
import type { Needs } from '../needs.ts';
import { endSessions } from '../sessions.ts';
import { actingsOf, openActing, type ActingRow } from './actings.ts';
import { mailActing } from './mail-acting.ts';

const usualMinutes = 30;

/** Acting on behalf of people. */
export function actingService(needs: Needs): ServiceImpl<typeof ActingService> {
  const { db, deployment } = needs;
  const sign = accessTokenSigner(needs);
  return {
    async beginActing({ accountId, reason, minutes, org }) {
      const actor = caller();
      const lasts = sql<Date>`now() + ${minutes || usualMinutes} * interval '1 minute'`;
      const acting = await db.write(async (tx) => {
        const account = await tx.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).forShare().executeTakeFirst();
        if (!account) throw errors.ACCOUNT_NOT_FOUND({ accountId });
        if (account.state !== 'ACTIVE') throw errors.ACCOUNT_NOT_IN_USE();
        const operator = await tx.selectFrom('sys_accounts_role_grants').select('id').where('account_id', '=', accountId).where('scope_org', 'is', null).limit(1).executeTakeFirst();
        if (operator || accountId === actor.accountId) throw errors.ACTING_FOR_OPERATOR();
        const session = { account_id: accountId, actor_id: actor.accountId, acting_org: await orgOfLogin(tx, account, org), client_address: currentCall().clientAddress ?? '', expires_at: lasts, ended_at: null };
        const { id: session_id } = await tx.insertInto('sys_accounts_sessions').values(session).returning('id').executeTakeFirstOrThrow();
        const { id } = await tx.insertInto('sys_accounts_actings').values({ account_id: accountId, actor_id: actor.accountId, session_id, reason, expires_at: lasts }).returning('id').executeTakeFirstOrThrow();
        tx.changed(accountId);
        await tx.enqueue(mailActing, { actingId: id });
        return { ...(await openActing(tx, id))!, session_id };
      });
      const { token } = await sign(accountId, acting.session_id, { actorAccountId: actor.accountId, until: acting.expires_at });
      return { accessToken: token, acting: actingMessage(acting) };
    },

    async listActings(request) {
      const { accountId } = caller();
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, actingsOf(q).where('x.account_id', '=', accountId), request, { secret: deployment.secret, fields: listFields.actings, defaultOrder: 'create_time desc' }));
      return { actings: rows.map(actingMessage), nextPageToken, totalSize };
    },

    async endActing({ actingId }) {
      const { accountId } = caller();
      await db.write(async (tx) => {
        const acting = await tx.selectFrom('sys_accounts_actings').selectAll().where('id', '=', actingId).where((where) => where.or([where('account_id', '=', accountId), where('actor_id', '=', accountId)])).executeTakeFirst();
        if (!acting) throw errors.ACTING_NOT_FOUND({ actingId });
        if (acting.session_id) await endSessions(tx, { sessionId: acting.session_id });
      });
      return create(EmptySchema);
    },
  };
}

/** Acting as the contract shows it. */
export const actingMessage = (row: ActingRow) => ({
  actingId: row.id,
  accountId: row.account_id,
  actorAccountId: row.actor_id,
  actorName: row.actor_name,
  reason: row.reason,
  active: row.active,
  createTime: timestampFromDate(row.created_at),
  endTime: timestampFromDate(row.ended_at),
});
