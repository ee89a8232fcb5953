import { randomBytes } from 'node:crypto';
import type { BootstrapTools, Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { z } from 'zod';
import type { Tables } from '../database/tables.ts';
import { addMember } from './members.ts';
import type { Needs } from './needs.ts';
import { hashPassword } from './passwords.ts';
import { registerPerson } from './register-person.ts';

type Tx = Transaction<Tables>;

const account = z.discriminatedUnion('role', [
  z.strictObject({ email: z.email(), displayName: z.string().min(1), role: z.enum(['SUPERADMIN', 'OPS']) }),
  z.strictObject({ email: z.email(), displayName: z.string().min(1), role: z.enum(['ADMIN', 'USER']), org: z.string().min(1) }),
]);

export const firstData = z.strictObject({
  demo: z.strictObject({
    password: z.string().min(10),
    orgs: z.array(z.strictObject({ name: z.string().min(1), project: z.string().min(1) })),
    accounts: z.array(account),
  }),
});

type Demo = z.infer<typeof firstData>['demo'];

/** First data: the demo's orgs and people in phases D and T, one administrator in A and P. Leaves alone what is there. */
export async function loadFirstData(needs: Needs, { demo }: z.infer<typeof firstData>, { announce }: BootstrapTools): Promise<void> {
  const { phase } = needs.deployment;
  if (phase === 'D' || phase === 'T') await loadDemo(needs, demo);
  else await makeAdministrator(needs, announce);
}

async function loadDemo({ db, config }: Needs, { password, orgs, accounts }: Demo): Promise<void> {
  const emails = accounts.map(({ email }) => email.toLowerCase());
  const present = await db.read((q) => q.selectFrom('sys_accounts_accounts').select(sql<string>`lower(email)`.as('email')).where(sql`lower(email)`, 'in', emails).execute());
  const missing = accounts.filter(({ email }) => !present.some((row) => row.email === email.toLowerCase()));
  if (missing.length === 0) return;
  const passwordHash = await hashPassword(config, password);
  await db.write(async (tx) => {
    for (const org of orgs) await makeOrg(tx, org);
    for (const person of missing) await makePerson(tx, person, passwordHash);
  });
}

async function makeOrg(tx: Tx, { name, project }: Demo['orgs'][number]): Promise<void> {
  const org = await tx.insertInto('sys_accounts_orgs').values({ name, creator_id: null }).onConflict((conflict) => conflict.doNothing()).returning('id').executeTakeFirst();
  if (org) await tx.insertInto('sys_accounts_projects').values({ owner_org: org.id, name: project }).execute();
}

async function makePerson(tx: Tx, person: Demo['accounts'][number], passwordHash: string): Promise<void> {
  const accountId = await registerPerson(tx, { email: person.email, displayName: person.displayName, passwordHash });
  if (!accountId) return;
  if (!('org' in person)) return grantPlatformRole(tx, accountId, person.role);
  const org = await tx.selectFrom('sys_accounts_orgs').select('id').where(sql`lower(name)`, '=', person.org.toLowerCase()).where('personal', '=', false).executeTakeFirst();
  if (!org) throw new Error(`first data: ${person.email} belongs to the org ${person.org}, which is not among the orgs`);
  await addMember(tx, org.id, accountId, person.role);
}

async function makeAdministrator({ db, config }: Needs, announce: (line: string) => void): Promise<void> {
  const present = await db.read((q) => q.selectFrom('sys_accounts_role_grants').select('id').where('role', '=', 'SUPERADMIN').limit(1).executeTakeFirst());
  if (present) return;
  const password = randomBytes(15).toString('base64url');
  const passwordHash = await hashPassword(config, password);
  const made = await db.write(async (tx) => {
    const accountId = await registerPerson(tx, { email: config.adminEmail, displayName: 'Administrator', passwordHash, passwordChangeRequired: true });
    if (accountId) await grantPlatformRole(tx, accountId, 'SUPERADMIN');
    return accountId;
  });
  // Another process that starts at the same time may have been first: it tells its password.
  if (made) announce(`administrator ${config.adminEmail}, one-time password ${password} (shown this once; the first login must set a new one)`);
}

async function grantPlatformRole(tx: Tx, accountId: string, role: 'SUPERADMIN' | 'OPS'): Promise<void> {
  await tx.insertInto('sys_accounts_role_grants').values({ account_id: accountId, role, scope_org: null, scope_project: null }).execute();
}
