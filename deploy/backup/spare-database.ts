import { hash } from 'node:crypto';
import { connectionConfig, databaseOf, identifier, rolesOf, withClient } from '@mainstay/kernel/administration';
import { databaseNameOf } from '@mainstay/kernel/placement';
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

/** A connection string for another database of the same server. */
export const withPath = (url: string, database: string): string => url.replace(/\/[^/?]*(?=\?|$)/, `/${encodeURIComponent(database)}`);

/** How a restore calls the databases that it makes: `''` is the deployment's own. */
export type NameOf = (database: string) => string;

/**
 * Runs `work` on a new database of the server in `url`, which takes the place of the one that `url` names when all is done,
 * and on one for each of the `others`; those that were there get other names, if they are to be kept, and are given as
 * `databases`.
 */
export async function withSpareDatabase(url: string, keepOld: boolean, work: (adminUrl: string, database: string, nameOf: NameOf) => Promise<ComparedTable[]>, others: readonly string[] = []): Promise<{ tables: ComparedTable[]; databases: string[] }> {
  const own = databaseOf(url);
  const all = ['', ...others];
  const nameOf: NameOf = (database) => databaseNameOf(own, { database });
  // Short, so that the names of its roles are not cut.
  const spareOf: NameOf = (database) => `restoring_${hash('sha256', nameOf(database)).slice(0, 12)}`;
  const admin = connectionConfig(url, { database: 'postgres' });
  const dropSpares = () => withClient(admin, async (client) => { for (const database of all) await dropWithRoles(client, spareOf(database)); });
  await dropSpares();
  try {
    const tables = await work(withPath(url, 'postgres'), spareOf(''), spareOf);
    const databases = await takePlaces(url, all.map((database) => ({ spare: spareOf(database), database: nameOf(database) })), keepOld);
    return { tables, databases: databases.map((aside) => `the database ${aside}`) };
  } catch (error) {
    await dropSpares();
    throw error;
  }
}

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

/** All databases get their names at once or, if that fails, none does. Gives the names of those that were there and are kept. */
async function takePlaces(url: string, places: readonly { spare: string; database: string }[], keepOld: boolean): Promise<string[]> {
  return withClient(connectionConfig(url, { database: 'postgres' }), async (client) => {
    const now = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
    const plans: Place[] = [];
    for (const { spare, database } of places) {
      const there = (await client.query('select from pg_database where datname = $1', [database])).rowCount! > 0;
      const aside = there && keepOld ? `${shortened(database)}_before_restore_${now}` : undefined;
      // Empty when the restore began, it may have been filled meanwhile.
      if (there && !aside) await requireEmptyDatabase(withPath(url, database));
      plans.push({ database, isToDrop: there && !aside, aside: aside === undefined ? undefined : await plan(url, database, aside), renaming: await plan(url, spare, database) });
    }
    for (const { database, isToDrop } of plans) if (isToDrop) await client.query(`drop database ${identifier(database)}`);
    await client.query('begin');
    for (const { database, aside, renaming } of plans) {
      // Where somebody dropped the database, its roles are still there.
      if (!aside) for (const role of rolesIn(database, renaming.modules)) await client.query(`drop role if exists ${identifier(role)}`);
      for (const one of [aside, renaming]) if (one) await rename(client, one);
    }
    await client.query('commit');
    return plans.flatMap(({ aside }) => (aside ? [aside.to] : []));
  });
}

/** Names of databases hold at most 63 bytes. */
const shortened = (database: string): string => (database.length <= 30 ? database : `${database.slice(0, 21)}_${hash('sha256', database).slice(0, 8)}`);

interface Place {
  database: string;
  isToDrop: boolean;
  aside: Renaming | undefined;
  renaming: Renaming;
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
