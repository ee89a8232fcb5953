import type { ServiceImpl } from '@connectrpc/connect';
import { caller, currentCall, paginate, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { AccountLockedSchema, AccountState, AccountsService, AccountUnlockedSchema } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import { fullAccount, grantsOf, publicAccount, readFullAccount, type AccountRow } from './account-message.ts';
import { closeAccount } from './close-account.ts';
import { findAccounts } from './find-accounts.ts';
import type { Needs } from './needs.ts';
import { checkProfile } from './check-profile.ts';
import { checkNewPassword, hashPassword } from './passwords.ts';
import { provePassword } from './prove-password.ts';
import { registerPerson } from './register-person.ts';
import { endSessions } from './sessions.ts';
import { fieldsToUpdate } from './update-mask.ts';

/** The people of the platform. */
export function accountsService(needs: Needs): ServiceImpl<typeof AccountsService> {
  const { db, deployment } = needs;
  return {
    async registerAccount({ email, password, displayName, language, timeZone }) {
      const person = { email, displayName: displayName.trim() || email.split('@')[0]!, language: language || 'en', timeZone: timeZone || 'UTC' };
      checkNewPassword(password, email, 'password');
      checkProfile({ language: person.language, time_zone: person.timeZone });
      const passwordHash = await hashPassword(password);
      return db.write(async (tx) => {
        const accountId = await registerPerson(tx, { ...person, passwordHash });
        if (!accountId) throw errors.EMAIL_TAKEN();
        return readFullAccount(tx, accountId);
      });
    },

    async getAccount(request) {
      const { accountId: self, orgId } = caller();
      const accountId = ownId(request.accountId);
      if (accountId === self) return db.read((q) => readFullAccount(q, self));
      const row = await db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).executeTakeFirst());
      const grants = (await db.read((q) => grantsOf(q, [accountId]))).get(accountId) ?? [];
      if (row && currentCall().acrossOrgs) return fullAccount(row, grants);
      if (row && grants.some(({ scope_org }) => scope_org === orgId)) return publicAccount(row);
      throw errors.ACCOUNT_NOT_FOUND({ accountId });
    },

    async listAccounts({ search, state, pageSize, pageToken }) {
      const pattern = `%${search.replaceAll(/[\\%_]/g, '\\$&')}%`;
      const page = { secret: deployment.secret, list: AccountsService.method.listAccounts.name, query: { search, state }, pageSize, pageToken, orderBy: [['id', 'desc']] as const };
      const { rows, nextPageToken } = await db.read((q) =>
        paginate(
          q
            .selectFrom('sys_accounts_accounts')
            .selectAll()
            .$if(search !== '', (matching) => matching.where((where) => where.or([where('email', 'ilike', pattern), where('display_name', 'ilike', pattern)])))
            .$if(state !== AccountState.ACCOUNT_STATE_UNSPECIFIED, (matching) => matching.where('state', '=', AccountState[state] as AccountRow['state'])),
          page,
        ),
      );
      const grants = await db.read((q) => grantsOf(q, rows.map(({ id }) => id)));
      return { accounts: rows.map((row) => fullAccount(row, grants.get(row.id) ?? [])), nextPageToken };
    },

    async updateAccount({ account, updateMask }) {
      const accountId = requireSelf(account!.accountId);
      const { displayName, language, timeZone, avatarUrl } = account!;
      const changes = fieldsToUpdate(updateMask, { display_name: displayName, language, time_zone: timeZone, avatar_url: avatarUrl });
      checkProfile(changes, 'account.');
      return db.write(async (tx) => {
        await tx.updateTable('sys_accounts_accounts').set({ ...changes, updated_at: sql<Date>`now()` }).where('id', '=', accountId).execute();
        return readFullAccount(tx, accountId);
      });
    },

    async changePassword({ accountId, currentPassword, newPassword }) {
      const account = await provenSelf(needs, requireSelf(accountId), currentPassword);
      checkNewPassword(newPassword, account.email!, 'new_password');
      const password_hash = await hashPassword(newPassword);
      const ended = await db.write(async (tx) => {
        await tx.updateTable('sys_accounts_accounts').set({ password_hash, password_change_required: false, updated_at: sql<Date>`now()` }).where('id', '=', account.id).where('state', '=', 'ACTIVE').execute();
        return endSessions(tx).where('account_id', '=', account.id).where('id', '<>', caller().sessionId).returning('id').execute();
      });
      return { endedSessions: ended.length };
    },

    async closeAccount({ accountId, password }) {
      const account = await provenSelf(needs, requireSelf(accountId), password);
      return db.write((tx) => closeAccount(tx, account));
    },

    async lockAccount({ accountId, reason }) {
      if (accountId === caller().accountId) throw errors.OWN_ACCOUNT();
      return db.write(async (tx) => {
        await setState(tx, accountId, { state: 'LOCKED', lock_reason: reason });
        await endSessions(tx).where('account_id', '=', accountId).execute();
        await tx.emit(AccountLockedSchema, { accountId, reason }, { aggregate: accountId });
        return readFullAccount(tx, accountId);
      });
    },

    async unlockAccount({ accountId }) {
      return db.write(async (tx) => {
        await setState(tx, accountId, { state: 'ACTIVE', lock_reason: '' });
        await tx.emit(AccountUnlockedSchema, { accountId }, { aggregate: accountId });
        return readFullAccount(tx, accountId);
      });
    },

    findAccounts: (request) => findAccounts(db, request),
  };
}

const ownId = (accountId: string): string => (accountId === 'me' || accountId === '' ? caller().accountId : accountId);

/** One's own account's id; another's is not found, whether it exists or not. */
function requireSelf(accountId: string): string {
  if (ownId(accountId) !== caller().accountId) throw errors.ACCOUNT_NOT_FOUND({ accountId });
  return caller().accountId;
}

async function provenSelf(needs: Needs, accountId: string, password: string): Promise<AccountRow> {
  const account = await needs.db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).executeTakeFirstOrThrow());
  return provePassword(needs, { email: account.email ?? '', account, wrong: errors.WRONG_PASSWORD() }, password);
}

async function setState(tx: Transaction<Tables>, accountId: string, change: Pick<AccountRow, 'state' | 'lock_reason'>): Promise<void> {
  const row = await tx.selectFrom('sys_accounts_accounts').select('state').where('id', '=', accountId).forUpdate().executeTakeFirst();
  if (!row) throw errors.ACCOUNT_NOT_FOUND({ accountId });
  if (row.state === 'DEACTIVATED') throw errors.ACCOUNT_CLOSED();
  await tx.updateTable('sys_accounts_accounts').set({ ...change, updated_at: sql<Date>`now()` }).where('id', '=', accountId).execute();
}
