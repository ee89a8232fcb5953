import type { ServiceImpl } from '@connectrpc/connect';
import { caller, currentCall, readList, readMask, requireMatch, updatePaths, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { AccountLockedSchema, AccountSchema, AccountState, AccountUnlockedSchema, type Account, type AccountsService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import { fullAccount, grantsOf, publicAccount, readFullAccount, type AccountRow } from './account-message.ts';
import { closeAccount } from './close-account.ts';
import { countEmailRequest } from './email-requests.ts';
import { findAccounts } from './find-accounts.ts';
import { listFields } from './list-fields.ts';
import type { Needs } from './needs.ts';
import { checkProfile } from './check-profile.ts';
import { orgNamesOf } from './org-names.ts';
import { checkNewPassword } from './password-strength/check-new-password.ts';
import { hashPassword, requireEffort } from './passwords.ts';
import { provePassword } from './prove-password.ts';
import { mailPasswordChanged } from './recovery/mail-password-changed.ts';
import { registerPerson } from './register-person.ts';
import { mailRegistration } from './registration/mail-registration.ts';
import { addRegistration } from './registration/registrations.ts';
import { requiresVerifiedEmail } from './registration/requires-verified-email.ts';
import { endSessions } from './sessions.ts';

/** The people of the platform. */
export function accountsService(needs: Needs): ServiceImpl<typeof AccountsService> {
  const { db, config, deployment } = needs;
  requireEffort(needs);
  return {
    async registerAccount({ email, password, displayName, language, timeZone }) {
      if (requiresVerifiedEmail(needs)) await countEmailRequest(needs, email);
      const person = { email, displayName: displayName.trim() || email.split('@')[0]!, language: language || 'en', timeZone: timeZone || 'UTC' };
      checkProfile({ language: person.language, time_zone: person.timeZone });
      await checkNewPassword(config, { password, email, displayName, field: 'password' });
      const passwordHash = await hashPassword(config, password);
      if (requiresVerifiedEmail(needs)) {
        await db.write(async (tx) => tx.enqueue(mailRegistration, { registrationId: await addRegistration(tx, { ...person, passwordHash }) }));
        return { ...person, state: AccountState.UNVERIFIED };
      }
      return db.write(async (tx) => {
        const accountId = await registerPerson(tx, { ...person, passwordHash });
        if (!accountId) throw errors.EMAIL_TAKEN();
        return readFullAccount(tx, accountId);
      });
    },

    async getAccount(request) {
      const { accountId: self, orgId, isProgram } = caller();
      const accountId = ownId(request.accountId);
      const cut = readMask<Account>(AccountSchema, request.readMask);
      // A program that acts for itself is nobody's account.
      if (accountId === self && !isProgram) return cut(await db.read((q) => readFullAccount(q, self)));
      const row = await db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).executeTakeFirst());
      const grants = (await db.read((q) => grantsOf(q, [accountId]))).get(accountId) ?? [];
      if (row && currentCall().acrossOrgs) return cut(fullAccount(row, grants));
      if (row && grants.some(({ scope_org }) => scope_org === orgId)) return cut(publicAccount(row));
      throw errors.ACCOUNT_NOT_FOUND({ accountId });
    },

    async listAccounts(request) {
      const { search, state } = request;
      const cut = readMask<Account>(AccountSchema, request.readMask);
      const pattern = `%${search.replaceAll(/[\\%_]/g, '\\$&')}%`;
      const { rows, nextPageToken, totalSize } = await db.read((q) => {
        const matching = q
          .selectFrom('sys_accounts_accounts')
          .selectAll()
          .$if(search !== '', (all) => all.where((where) => where.or([where('email', 'ilike', pattern), where('display_name', 'ilike', pattern)])))
          .$if(state !== AccountState.ACCOUNT_STATE_UNSPECIFIED, (all) => all.where('state', '=', AccountState[state] as AccountRow['state']));
        return readList(q, matching, request, { secret: deployment.secret, fields: listFields.accounts, defaultOrder: 'create_time desc' });
      });
      const grants = await db.read((q) => grantsOf(q, rows.map(({ id }) => id)));
      return { accounts: rows.map((row) => cut(fullAccount(row, grants.get(row.id) ?? []))), nextPageToken, totalSize };
    },

    async updateAccount({ account, updateMask }) {
      const accountId = requireSelf(account!.accountId);
      const { displayName, language, timeZone, avatarUrl, etag } = account!;
      const given = { display_name: displayName, language, time_zone: timeZone, avatar_url: avatarUrl };
      const named = updatePaths(AccountSchema, account!, updateMask, ['display_name', 'language', 'time_zone', 'avatar_url']);
      const changes = Object.fromEntries(Object.entries(given).filter(([field]) => named.has(field as keyof typeof given))) as Partial<typeof given>;
      checkProfile(changes, 'account.');
      return db.write(async (tx) => {
        await lockVersion(tx, accountId, etag);
        await tx.updateTable('sys_accounts_accounts').set({ ...changes, ...changed }).where('id', '=', accountId).execute();
        tx.changed(accountId);
        return readFullAccount(tx, accountId);
      });
    },

    async changePassword({ accountId, currentPassword, newPassword }) {
      const account = await provenSelf(needs, requireSelf(accountId), currentPassword);
      await checkNewPassword(config, { password: newPassword, email: account.email!, displayName: account.display_name, orgNames: await orgNamesOf(db, account.id), field: 'new_password' });
      const password_hash = await hashPassword(config, newPassword);
      return db.write(async (tx) => {
        await tx.updateTable('sys_accounts_accounts').set({ password_hash, password_change_required: false, updated_at: sql<Date>`now()` }).where('id', '=', account.id).where('state', '=', 'ACTIVE').execute();
        tx.changed(account.id);
        await tx.enqueue(mailPasswordChanged, { accountId: account.id });
        return { endedSessions: await endSessions(tx, { accountId: account.id, except: caller().sessionId }) };
      });
    },

    async closeAccount({ accountId, password, etag }) {
      const account = await provenSelf(needs, requireSelf(accountId), password);
      return db.write(async (tx) => {
        await lockVersion(tx, account.id, etag);
        return closeAccount(tx, account);
      });
    },

    async lockAccount({ accountId, reason, etag }) {
      if (accountId === caller().accountId) throw errors.OWN_ACCOUNT();
      return db.write(async (tx) => {
        await setState(tx, accountId, { state: 'LOCKED', lock_reason: reason, locking_org: null }, etag);
        await endSessions(tx, { accountId });
        await tx.emit(AccountLockedSchema, { accountId, reason }, { aggregate: accountId });
        return readFullAccount(tx, accountId);
      });
    },

    async unlockAccount({ accountId, etag }) {
      return db.write(async (tx) => {
        await setState(tx, accountId, { state: 'ACTIVE', lock_reason: '', locking_org: null }, etag);
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

async function setState(tx: Transaction<Tables>, accountId: string, change: Pick<AccountRow, 'state' | 'lock_reason' | 'locking_org'>, etag: string): Promise<void> {
  const { state } = await lockVersion(tx, accountId, etag);
  if (state === 'DEACTIVATED') throw errors.ACCOUNT_CLOSED();
  await tx.updateTable('sys_accounts_accounts').set({ ...change, ...changed }).where('id', '=', accountId).execute();
}

const changed = { version: sql<number>`version + 1`, updated_at: sql<Date>`now()` };

/** An account of the version that `etag` names, locked until the transaction ends. */
async function lockVersion(tx: Transaction<Tables>, accountId: string, etag: string): Promise<Pick<AccountRow, 'state' | 'version'>> {
  const row = await tx.selectFrom('sys_accounts_accounts').select(['state', 'version']).where('id', '=', accountId).forUpdate().executeTakeFirst();
  if (!row) throw errors.ACCOUNT_NOT_FOUND({ accountId });
  requireMatch(row.version, etag);
  return row;
}
