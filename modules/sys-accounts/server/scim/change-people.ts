import { requireMatch, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import type { AccountRow } from '../account-message.ts';
import { closeAccount } from '../close-account.ts';
import { holdDomainOf } from '../directory/domains.ts';
import { makeManaged, managerOf } from '../directory/managed-accounts.ts';
import { requireAnotherAdmin } from '../last-admin.ts';
import { leave, requireSharedOrg } from '../member-methods.ts';
import { isBarred } from '../register-person.ts';
import type { Json } from './attribute.ts';
import type { DescribedPerson } from './described-person.ts';
import { findPerson, isId, type PersonRow } from './find-people.ts';
import { scimErrors } from './scim-errors.ts';
import { isMember, switchOff, switchOn, unlock } from './switch-person.ts';

type Tx = Transaction<Tables>;

const taken = (userName: string) => scimErrors.uniqueness(`the org has a user ${userName} already`);

/** Makes somebody a member of the org, with an account that it looks after if they have none; gives their id. */
export async function createPerson(tx: Tx, orgId: string, person: DescribedPerson): Promise<string> {
  const { email } = person.account;
  await requireSharedOrg(tx, orgId);
  await requireOwnDomain(tx, orgId, email);
  const existing = await accountOf(tx, email);
  const id = existing ? existing.id : await makeManaged(tx, orgId, person.account);
  if (!id) throw await whyNot(tx, email);
  if (existing && ((await isMember(tx, orgId, id)) || (await isTold(tx, orgId, id)))) throw taken(email);
  await keep(tx, orgId, id, person.resource);
  const account = existing ?? (await lockAccount(tx, id));
  if (person.active === false) {
    if (!existing) await switchOff(tx, orgId, account);
  } else await switchOn(tx, orgId, account);
  return id;
}

/** Changes what the directory says of somebody, and with it the account, if the org looks after it. `after` is made of what there is. */
export async function changePerson(tx: Tx, orgId: string, id: string, after: (before: PersonRow) => DescribedPerson): Promise<void> {
  const { account, before } = await lockPerson(tx, orgId, id);
  const { resource, active, account: told } = after(before);
  const isRenamed = told.email.toLowerCase() !== String(before.resource.userName).toLowerCase();
  if (isRenamed) await requireOwnDomain(tx, orgId, told.email);
  if ((await managerOf(tx, account)) === orgId) await changeAccount(tx, account, told);
  await keep(tx, orgId, id, resource);
  if (active === undefined || active === before.active) return;
  await (active ? switchOn : switchOff)(tx, orgId, await lockAccount(tx, id));
}

/** Takes somebody out of the org. An account that it looks after is closed, if the person is in no other. */
export async function removePerson(tx: Tx, orgId: string, id: string): Promise<void> {
  const { account } = await lockPerson(tx, orgId, id);
  await requireAnotherAdmin(tx, orgId, id);
  const isManaged = (await managerOf(tx, account)) === orgId;
  if (isManaged && !(await isElsewhere(tx, orgId, account))) return void (await closeAccount(tx, account));
  await unlock(tx, orgId, account);
  if (await isMember(tx, orgId, id)) await leave(tx, orgId, id);
  await forget(tx, orgId, id);
  if (account.managing_org === orgId) await tx.updateTable('sys_accounts_accounts').set({ managing_org: null }).where('id', '=', id).execute();
}

/** Somebody whom the org sees, and their account, which stays as it is until the transaction ends. */
async function lockPerson(tx: Tx, orgId: string, id: string): Promise<{ account: AccountRow; before: PersonRow }> {
  if (!isId(id) || !(await findPerson(tx, orgId, id))) throw scimErrors.notFound('user', id);
  const account = await lockAccount(tx, id);
  const before = await findPerson(tx, orgId, id);
  if (!before) throw scimErrors.notFound('user', id);
  requireMatch(before.version);
  return { account, before };
}

const lockAccount = (tx: Tx, id: string): Promise<AccountRow> => tx.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', id).forUpdate().executeTakeFirstOrThrow();
const accountOf = (tx: Tx, email: string): Promise<AccountRow | undefined> => tx.selectFrom('sys_accounts_accounts').selectAll().where(sql`lower(email)`, '=', email.toLowerCase()).forUpdate().executeTakeFirst();

async function requireOwnDomain(tx: Tx, orgId: string, email: string): Promise<void> {
  if (!(await holdDomainOf(tx, orgId, email))) throw scimErrors.invalidValue(`userName: ${email} is in no verified e-mail domain of the org; verify its domain first`);
}

/** Why there is no account with an address, and none can be made. */
async function whyNot(tx: Tx, email: string): Promise<Error> {
  return (await isBarred(tx, email)) ? scimErrors.uniqueness(`${email} was the address of an account that is closed, which can not come back`) : taken(email);
}

async function isTold(tx: Tx, orgId: string, id: string): Promise<boolean> {
  return (await tx.selectFrom('sys_accounts_directory_users').select('account_id').where('owner_org', '=', orgId).where('account_id', '=', id).executeTakeFirst()) !== undefined;
}

/** Keeps what a directory says. Its names are its own: two people of an org do not share one. */
async function keep(tx: Tx, orgId: string, id: string, resource: Json): Promise<void> {
  const userName = String(resource.userName);
  const other = await tx.selectFrom('sys_accounts_directory_users').select('account_id').where('owner_org', '=', orgId).where(sql`lower(resource ->> 'userName')`, '=', sql<string>`lower(${userName}::text)`).where('account_id', '<>', id).executeTakeFirst();
  if (other) throw taken(userName);
  const text = JSON.stringify(resource);
  await tx
    .insertInto('sys_accounts_directory_users')
    .values({ owner_org: orgId, account_id: id, resource: text })
    .onConflict((conflict) => conflict.columns(['owner_org', 'account_id']).doUpdateSet({ resource: text, version: sql<number>`sys_accounts_directory_users.version + 1`, updated_at: sql<Date>`now()` }))
    .execute();
}

async function changeAccount(tx: Tx, account: AccountRow, told: DescribedPerson['account']): Promise<void> {
  const isRenamed = told.email.toLowerCase() !== account.email!.toLowerCase();
  if (isRenamed && ((await accountOf(tx, told.email)) || (await isBarred(tx, told.email)))) throw scimErrors.uniqueness(`the address ${told.email} is that of another account`);
  const change = { email: told.email, display_name: told.displayName, ...(told.language && { language: told.language }), ...(told.timeZone && { time_zone: told.timeZone }) };
  if (Object.entries(change).every(([name, value]) => account[name as keyof AccountRow] === value)) return;
  await tx.updateTable('sys_accounts_accounts').set({ ...change, version: sql<number>`version + 1`, updated_at: sql<Date>`now()` }).where('id', '=', account.id).execute();
  tx.changed(account.id);
}

/** Whether somebody is a member of others, or has a role on the platform. */
async function isElsewhere(tx: Tx, orgId: string, { id, personal_org }: AccountRow): Promise<boolean> {
  const other = tx.selectFrom('sys_accounts_role_grants').select('id').where('account_id', '=', id).where(sql<boolean>`(scope_org is null or scope_org <> all(${[orgId, personal_org]}::uuid[]))`);
  return (await other.limit(1).executeTakeFirst()) !== undefined;
}

/** Forgets what the org's directory and its logins said of somebody. */
async function forget(tx: Tx, orgId: string, id: string): Promise<void> {
  const groups = tx.selectFrom('sys_accounts_directory_groups').select('id').where('owner_org', '=', orgId);
  await tx.deleteFrom('sys_accounts_directory_group_members').where('account_id', '=', id).where('group_id', 'in', groups).execute();
  await tx.deleteFrom('sys_accounts_login_groups').where('owner_org', '=', orgId).where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_directory_users').where('owner_org', '=', orgId).where('account_id', '=', id).execute();
}
