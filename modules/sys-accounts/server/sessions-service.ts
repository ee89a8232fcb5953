import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, currentCall, readList } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { CreateSessionRequest, SessionsService } from '../contract/index.ts';
import { errors } from '../errors.ts';
import { accessTokenSigner } from './access-token.ts';
import { readFullAccount, type AccountRow } from './account-message.ts';
import { listFields } from './list-fields.ts';
import type { Needs } from './needs.ts';
import { checkNewPassword } from './password-strength/check-new-password.ts';
import { hashPassword, isOutdated } from './passwords.ts';
import { provePassword } from './prove-password.ts';
import { beginSession, endSessions, refreshSession, type OpenSession } from './sessions.ts';

/** Logging in, refreshing, logging out. */
export function sessionsService(needs: Needs): ServiceImpl<typeof SessionsService> {
  const { db, config, deployment } = needs;
  const sign = accessTokenSigner(needs);

  const tokens = async ({ accountId, sessionId, orgId, refreshToken }: OpenSession) => {
    const [{ token, expiresAt }, account] = await Promise.all([sign(accountId, sessionId), db.read((q) => readFullAccount(q, accountId))]);
    return { accessToken: token, refreshToken, expiresAt: timestampFromDate(expiresAt), sessionId, orgId, account };
  };

  return {
    async createSession(request) {
      const attempt = async () => logIn(needs, request, await proveAccount(needs, request));
      // An account that was changed between the proof and the login is proved again as it is now.
      const session = (await attempt()) ?? (await attempt());
      if (!session) throw errors.WRONG_CREDENTIALS();
      return tokens(session);
    },

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
      const sessions = rows.map((row) => ({
        sessionId: row.id,
        orgId: row.acting_org,
        clientAddress: row.client_address,
        current: row.id === current,
        createTime: timestampFromDate(row.created_at),
        refreshTime: timestampFromDate(row.refreshed_at),
        expireTime: timestampFromDate(row.expires_at),
      }));
      return { sessions, nextPageToken, totalSize };
    },

    async deleteSession(request) {
      const { accountId, sessionId: current } = caller();
      const sessionId = request.sessionId === 'current' ? current : request.sessionId;
      const ended = await db.write((tx) => endSessions(tx, { sessionId, accountId }));
      if (!ended) throw errors.SESSION_NOT_FOUND({ sessionId });
      return create(EmptySchema);
    },
  };
}

/** Finds the account and checks the password; an unknown address is answered like a wrong password. */
async function proveAccount(needs: Needs, { email, password }: CreateSessionRequest): Promise<AccountRow> {
  const found = await needs.db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where(sql`lower(email)`, '=', email.toLowerCase()).executeTakeFirst());
  const account = await provePassword(needs, { email, account: found, wrong: errors.WRONG_CREDENTIALS() }, password);
  // Only whoever knows the password learns that the account is locked.
  if (account.state === 'LOCKED') throw errors.ACCOUNT_LOCKED({ reason: account.lock_reason });
  return account;
}

/** Begins a session, unless the account was locked, or its password changed, since it was read. */
async function logIn({ db, config }: Needs, request: CreateSessionRequest, account: AccountRow): Promise<OpenSession | undefined> {
  const { newPassword } = request;
  if (account.password_change_required && !newPassword) throw errors.PASSWORD_CHANGE_REQUIRED();
  if (newPassword) await checkNewPassword(config, { password: newPassword, email: account.email!, displayName: account.display_name, field: 'new_password' });
  const password_hash = await newHash(config, request, account);
  const replaced = { ...(password_hash && { password_hash }), ...(newPassword && { password_change_required: false }) };
  return db.write(async (tx) => {
    const grants = await tx.selectFrom('sys_accounts_role_grants').select('scope_org').where('account_id', '=', account.id).execute();
    const orgId = actingOrg(request.org, account, new Set(grants.map(({ scope_org }) => scope_org)));
    const { numUpdatedRows } = await tx
      .updateTable('sys_accounts_accounts')
      .set({ last_login_at: sql<Date>`now()`, ...replaced })
      .where('id', '=', account.id)
      .where('password_hash', '=', account.password_hash)
      .where('state', '=', 'ACTIVE')
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return undefined;
    if (newPassword) await endSessions(tx, { accountId: account.id });
    return beginSession(tx, config, { accountId: account.id, orgId, clientAddress: currentCall().clientAddress });
  });
}

/** The hash to keep from now on, if another: of a new password, or of this one with today's effort. */
async function newHash(config: Needs['config'], { password, newPassword }: CreateSessionRequest, { password_hash }: AccountRow): Promise<string | undefined> {
  if (newPassword) return hashPassword(config, newPassword);
  return password_hash !== null && isOutdated(config, password_hash) ? hashPassword(config, password) : undefined;
}

function actingOrg(wanted: string, account: AccountRow, memberOf: Set<string | null>): string {
  if (wanted && !memberOf.has(wanted)) throw errors.ORG_NOT_FOUND({ orgId: wanted });
  if (wanted) return wanted;
  return account.home_org && memberOf.has(account.home_org) ? account.home_org : account.personal_org;
}
