import { hash } from 'node:crypto';
import { connectionConfig, databaseOf, identifier, rolesOf, withClient } from '@mainstay/kernel/administration';
import type pg from 'pg';
import { OperatorError } from '../controller/operator-error.ts';
import type { ComparedTable } from './load-database.ts';

const hint = 'name another in DATABASE_URL, or put what is there aside with --force';

/** Throws an `OperatorError` if the database of a connection string holds anything of a deployment. */
export async function requireEmptyDatabase(url: string): Promise<void> {
  const database = databaseOf(url);
  const found = await withClient(connectionConfig(url), async (client) => (await client.query(`select from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and n.nspname !~ '^(pg_|information_schema$)' limit 1`)).rowCount)
    .catch((error: { code?: string }) => { if (error.code === '3D000') return 0; throw error; });
  if (found) throw new OperatorError(`the database ${database} in DATABASE_URL is not empty; ${hint}`);
}

/**
 * Runs `work` on a new database of the server in `url`, which takes the place of the one that `url` names when all is done;
 * that one gets another name, if it is to be kept, and is given as `database`.
 */
export async function withSpareDatabase(url: string, keepOld: boolean, work: (adminUrl: string, database: string) => Promise<ComparedTable[]>): Promise<{ tables: ComparedTable[]; database?: string }> {
  const database = databaseOf(url);
  // Short, so that the names of its roles are not cut.
  const spare = `restoring_${hash('sha256', database).slice(0, 12)}`;
  const admin = connectionConfig(url, { database: 'postgres' });
  await withClient(admin, (client) => dropWithRoles(client, spare));
  try {
    const tables = await work(maintenanceUrl(url), spare);
    const aside = await takePlace(url, spare, database, keepOld);
    return { tables, ...(aside !== undefined && { database: `the database ${aside}` }) };
  } catch (error) {
    await withClient(admin, (client) => dropWithRoles(client, spare));
    throw error;
  }
}

/** The server by the database that every server has; the one that `url` names may not be there yet. */
const maintenanceUrl = (url: string) => url.replace(/\/[^/?]*(?=\?|$)/, '/postgres');

async function dropWithRoles(client: pg.Client, database: string): Promise<void> {
  await client.query(`drop database if exists ${identifier(database)} with (force)`);
  const { rows } = await client.query<{ name: string }>('select rolname as name from pg_roles where starts_with(rolname, $1)', [`${database}.`]);
  if (rows.length > 0) await client.query(`drop role ${rows.map(({ name }) => identifier(name)).join(', ')}`);
}

interface Renaming {
  from: string;
  to: string;
  modules: string[];
}

const rolesIn = (database: string, modules: readonly string[]): string[] =>
  modules.flatMap((module) => { const { owner, login, allOrgs } = rolesOf(database, module); return [owner, login, allOrgs]; });

async function takePlace(url: string, spare: string, database: string, keepOld: boolean): Promise<string | undefined> {
  return withClient(connectionConfig(url, { database: 'postgres' }), async (client) => {
    const there = (await client.query('select from pg_database where datname = $1', [database])).rowCount! > 0;
    const aside = there && keepOld ? `${database.slice(0, 24)}_before_restore_${new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)}` : undefined;
    // Empty when the restore began, it may have been filled meanwhile.
    if (there && !aside) await requireEmptyDatabase(url).then(() => client.query(`drop database ${identifier(database)}`));
    const renamings = [...(aside !== undefined ? [await plan(url, database, aside)] : []), await plan(url, spare, database)];
    await client.query('begin');
    // Where somebody dropped the database, its roles are still there.
    if (!aside) for (const role of rolesIn(database, renamings[0]!.modules)) await client.query(`drop role if exists ${identifier(role)}`);
    for (const renaming of renamings) await rename(client, renaming);
    await client.query('commit');
    return aside;
  });
}

/** Says in a database what it and its roles will be called. The next start sees that the rest differs, and sets their passwords. */
function plan(url: string, from: string, to: string): Promise<Renaming> {
  return withClient(connectionConfig(url, { database: from }), async (client) => {
    const { rows: [known] } = await client.query<{ known: boolean }>(`select to_regclass('mainstay.modules') is not null as known`);
    const modules = known!.known ? (await client.query<{ module: string }>('select module from mainstay.modules')).rows.map(({ module }) => module) : [];
    for (const module of modules) {
      const { owner, login, allOrgs } = rolesOf(to, module);
      await client.query(`update mainstay.modules set owner = $2, login = $3, all_orgs = $4, fingerprint = '' where module = $1`, [module, owner, login, allOrgs]);
    }
    return { from, to, modules };
  });
}

async function rename(client: pg.Client, { from, to, modules }: Renaming): Promise<void> {
  const now = rolesIn(to, modules);
  for (const [index, role] of rolesIn(from, modules).entries()) await client.query(`alter role ${identifier(role)} rename to ${identifier(now[index]!)}`);
  await client.query(`alter database ${identifier(from)} rename to ${identifier(to)}`);
}
