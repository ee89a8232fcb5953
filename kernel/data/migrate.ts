import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { connectionConfig, withClient, type AdminUrl } from './connection.ts';
import { codeOf } from './database-errors.ts';
import { identifier, rolesOf, schemaOf } from './names.ts';
import { lockShape } from './shape-lock.ts';

export interface MigrateOptions {
  adminUrl: AdminUrl;
  database: string;
  module: string;
  /** The folder of the module's `NNNN-name.sql` files. */
  migrations: URL;
  /** Runs no others than these: what a backup was made with. */
  only?: readonly string[];
}

/** One `NNNN-name.sql` file of a module. */
export interface Migration {
  name: string;
  sql: string;
  sha256: string;
}

const OUTSIDE = /^-- outside a transaction\b/;
const CONCURRENT_INDEX = /^(?:--.*\n|\s)*create\s+(?:unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s[^;]*;?(?:--.*\n|\s)*$/i;
const FILE_NAME = /^\d{4}-[a-z0-9]+(-[a-z0-9]+)*\.sql$/;

/**
 * Brings a module's tables up to date and returns the names of the files that were applied. Each file runs in its own
 * transaction together with its line in the module's history, as the role that owns the module's schema, so a start that
 * is killed goes on at the file where it stood. A file that begins with `-- outside a transaction` builds one index
 * concurrently; half an index is built anew. Files that ran are never changed, taken away or preceded by new ones: that
 * is refused before anything runs.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const files = (await readMigrations(options)).filter(({ name }) => options.only?.includes(name) ?? true);
  return withClient(connectionConfig(options.adminUrl, { database: options.database }), async (client) => {
    const pending = findPending(options.module, files, await readHistory(client, options.module));
    if (pending.length === 0) return [];
    await lockShape(client);
    return applyPending(client, options, files);
  });
}

async function applyPending(client: pg.Client, { database, module }: MigrateOptions, files: Migration[]): Promise<string[]> {
  const { owner } = rolesOf(database, module);
  await client.query(`set role ${identifier(owner)}; set search_path = ${identifier(schemaOf(module))}`);
  await client.query(historySql(module, database));
  // Another process may have worked while this one waited for the lock.
  const pending = findPending(module, files, await readHistory(client, module));
  for (const migration of pending) await (OUTSIDE.test(migration.sql) ? applyOutside : apply)(client, module, migration);
  return pending.map(({ name }) => name);
}

async function apply(client: pg.Client, module: string, migration: Migration): Promise<void> {
  const { sql } = migration;
  try {
    await client.query('begin');
    await client.query(sql);
    if (client.getTransactionStatus() !== 'T') throw new Error('it ends the transaction it runs in: leave out commit and rollback');
    await remember(client, module, migration);
    await checkTables(client, module);
    await client.query('commit');
  } catch (error) {
    // Where the connection is lost the server does it.
    await client.query('rollback').catch(() => {});
    throw failure(module, migration, error);
  }
}

async function applyOutside(client: pg.Client, module: string, migration: Migration): Promise<void> {
  try {
    if (!CONCURRENT_INDEX.test(migration.sql)) throw new Error('outside a transaction it may only hold one "create index concurrently if not exists": give the rest a migration of its own');
    await dropHalfIndexes(client, module);
    await client.query(migration.sql);
    await remember(client, module, migration);
  } catch (error) {
    throw failure(module, migration, error);
  }
}

/** An index whose concurrent build was interrupted stays behind, costs every write and serves no query. */
async function dropHalfIndexes(client: pg.Client, module: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select indexrelid::regclass::text as name from pg_index join pg_class on pg_class.oid = indexrelid where not indisvalid and relnamespace = $1::regnamespace', [identifier(schemaOf(module))]);
  for (const { name } of rows) await client.query(`drop index concurrently ${name}`);
}

const remember = (client: pg.Client, module: string, { name, sha256 }: Migration) =>
  client.query(`insert into ${historyOf(module)} (name, sha256) values ($1, $2)`, [name, sha256]);

const failure = (module: string, { name, sql }: Migration, cause: unknown): Error =>
  new Error(`migration ${name} of ${module} failed${lineOf(cause, sql)}: ${(cause as Error).message}`, { cause });

/** The migrations that a module brings, in their order. Throws if a name is wrong or a number is there twice. */
export async function readMigrations({ module, migrations }: Pick<MigrateOptions, 'module' | 'migrations'>): Promise<Migration[]> {
  const names = (await filesIn(module, migrations)).filter((name) => !name.startsWith('.')).sort();
  const wrong = names.find((name) => !FILE_NAME.test(name));
  if (wrong) throw new Error(`migration file ${wrong} of ${module} needs a name such as 0001-create-things.sql`);
  const twice = names.find((name, index) => names[index + 1]?.slice(0, 4) === name.slice(0, 4));
  if (twice) throw new Error(`two migrations of ${module} have the number ${twice.slice(0, 4)}: give one the next number`);
  return Promise.all(names.map(async (name) => {
    const sql = await readFile(new URL(name, folder(migrations)), 'utf8');
    return { name: basename(name), sql, sha256: createHash('sha256').update(sql).digest('hex') };
  }));
}

const filesIn = (module: string, migrations: URL): Promise<string[]> =>
  // Without its cause, which looks like a database that is not there.
  readdir(migrations).catch(() => { throw new Error(`${module} names a folder of migrations that does not exist: ${fileURLToPath(migrations)}`); });

const folder = (url: URL): URL => new URL(url.href.endsWith('/') ? url.href : `${url.href}/`);

async function readHistory(client: pg.Client, module: string): Promise<Omit<Migration, 'sql'>[]> {
  try {
    return (await client.query(`select name, sha256 from ${historyOf(module)} order by name`)).rows;
  } catch (error) {
    if (codeOf(error) === '42P01') return [];
    throw error;
  }
}

function findPending(module: string, files: Migration[], applied: Omit<Migration, 'sql'>[]): Migration[] {
  for (const { name, sha256 } of applied) {
    const file = files.find((candidate) => candidate.name === name);
    if (!file && name > (files.at(-1)?.name ?? '')) throw new Error(`the data of ${module} was made by a newer version, whose migration ${name} this version does not have: run that version, or restore a backup from before it`);
    if (!file) throw new Error(`migration ${name} of ${module} was applied and its file is gone: restore it`);
    if (file.sha256 !== sha256) throw new Error(`migration ${name} of ${module} was changed after it was applied: restore it and add a new one`);
  }
  const last = applied.at(-1)?.name ?? '';
  const pending = files.filter(({ name }) => !applied.some((row) => row.name === name));
  const late = pending.find(({ name }) => name < last);
  if (late) throw new Error(`migration ${late.name} of ${module} comes before ${last}, which was applied: give it the next number`);
  return pending;
}

/** Every table carries the module's prefix, and every one with an org_id is closed to other orgs. */
async function checkTables(client: pg.Client, module: string): Promise<void> {
  const prefix = schemaOf(module);
  const { rows } = await client.query<{ name: string; tenant: boolean; closed: boolean }>(`
    select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as closed,
           exists (select from pg_attribute where attrelid = c.oid and attname = 'org_id' and not attisdropped) as tenant
      from pg_class c where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') order by 1`, [identifier(prefix)]);
  const astray = rows.find(({ name }) => !name.startsWith(`${prefix}_`));
  if (astray) throw new Error(`table ${astray.name} does not carry the module's prefix: name it ${prefix}_${astray.name}`);
  const open = rows.find(({ tenant, closed }) => tenant && !closed);
  if (open) throw new Error(`table ${open.name} has an org_id and is open to every org: add select mainstay.protect_tenant_table('${open.name}')`);
}

const historyOf = (module: string): string => `${schemaOf(module)}.${schemaOf(module)}_migrations`;

function historySql(module: string, database: string): string {
  const { login, allOrgs } = rolesOf(database, module);
  return `
    create table if not exists ${historyOf(module)} (name text primary key, sha256 text not null, applied_at timestamptz not null default now());
    revoke all on ${historyOf(module)} from ${identifier(login)}, ${identifier(allOrgs)}`;
}

function lineOf(error: unknown, sql: string): string {
  const position = Number((error as { position?: string }).position);
  return position ? ` in line ${sql.slice(0, position).split('\n').length}` : '';
}
