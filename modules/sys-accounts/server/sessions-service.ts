import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, currentCall, readList } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { SessionsService } from '../contract/index.ts';
import { errors } from '../errors.ts';
import { accessTokenSigner } from './access-token.ts';
import { readFullAccount } from './account-message.ts';
import { listFields } from './list-fields.ts';
import { beginLogin, beginPasskeyLogin, continueLogin, type Begin } from './login/login.ts';
import { beginStepUp, stepUp } from './login/step-up.ts';
import type { Needs } from './needs.ts';
import { sendLoginCode } from './second-factors/email-codes.ts';
import { beginSession, endSessions, refreshSession, type OpenSession, type SessionRow } from './sessions.ts';

/** Logging in, refreshing, logging out. */
export function sessionsService(needs: Needs): ServiceImpl<typeof SessionsService> {
  const { db, config, deployment } = needs;
  const sign = accessTokenSigner(needs);

  const begin = (deviceName: string): Begin<OpenSession & { deviceToken?: string }> => async (tx, { deviceToken, ...who }) => ({ ...(await beginSession(tx, config, { ...who, deviceName, clientAddress: currentCall().clientAddress })), ...(deviceToken && { deviceToken }) });

  const tokens = async ({ accountId, sessionId, orgId, refreshToken, deviceToken }: OpenSession & { deviceToken?: string }) => {
    const [{ token, expiresAt }, account] = await Promise.all([sign(accountId, sessionId), db.read((q) => readFullAccount(q, accountId))]);
    return { accessToken: token, refreshToken, expiresAt: timestampFromDate(expiresAt), sessionId, orgId, account, deviceToken };
  };

  return {
    async createSession(request) {
      const { done, challenge } = await beginLogin(needs, request, begin(request.deviceName));
      return challenge ? { challenge } : tokens(done!);
    },

    beginPasskeyLogin: ({ org }) => beginPasskeyLogin(needs, org),
    continueLogin: async ({ loginToken, proof, rememberDevice, deviceName }) => tokens(await continueLogin(needs, { loginToken, proof: proof!, rememberDevice }, begin(deviceName))),
    sendLoginCode: async ({ loginToken }) => {
      await db.write((tx) => sendLoginCode(tx, loginToken));
      return create(EmptySchema);
    },
    beginStepUp: () => beginStepUp(needs),
    stepUpSession: async ({ loginToken, proof }) => sessionMessage(await stepUp(needs, { loginToken, proof: proof! }), caller().sessionId),

    async refreshSession({ refreshToken }) {
      const session = await db.write((tx) => refreshSession(tx, config, refreshToken));
      if (session === 'taken') throw errors.REFRESH_TOKEN_TAKEN();
      if (session === 'invalid') throw errors.REFRESH_TOKEN_INVALID();
      if ('reusedOf' in session) {
        await db.writeApart((tx) => endSessions(tx, { sessionId: session.reusedOf }));
        throw errors.REFRESH_TOKEN_REUSED();
      }
      return tokens(session);
    },

    async listSessions(request) {
      const { accountId, sessionId: current } = caller();
      const { rows, nextPageToken, totalSize } = await db.read((q) => {
        const open = q.selectFrom('sys_accounts_sessions').selectAll().where('account_id', '=', accountId).where('ended_at', 'is', null).where('expires_at', '>', sql<Date>`now()`);
        return readList(q, open, request, { secret: deployment.secret, fields: listFields.sessions, defaultOrder: 'create_time desc' });
      });
      return { sessions: rows.map((row) => sessionMessage(row, current)), nextPageToken, totalSize };
    },

    async deleteSession(request) {
      const { accountId, sessionId: current } = caller();
      const sessionId = request.sessionId === 'current' ? current : request.sessionId;
      const ended = await db.write((tx) => endSessions(tx, { sessionId, accountId }));
      if (!ended) throw errors.SESSION_NOT_FOUND({ sessionId });
      return create(EmptySchema);
    },

    async endOtherSessions() {
      const { accountId, sessionId } = caller();
      return { endedSessions: await db.write((tx) => endSessions(tx, { accountId, except: sessionId })) };
    },
  };
}

const sessionMessage = (row: SessionRow, current: string) => ({
  sessionId: row.id,
  deviceName: row.device_name,
  actorAccountId: row.actor_id ?? '',
  orgId: row.acting_org,
  clientAddress: row.client_address,
  current: row.id === current,
  createTime: timestampFromDate(row.created_at),
  refreshTime: timestampFromDate(row.refreshed_at),
  expireTime: timestampFromDate(row.expires_at),
  amr: row.amr,
  acr: row.acr,
  authTime: timestampFromDate(row.auth_time ?? row.created_at),
});
