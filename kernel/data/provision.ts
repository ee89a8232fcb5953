import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Logger, runMigrations } from 'graphile-worker';
import pg from 'pg';
import { commandsSql } from '../commands/commands-table.ts';
import { sagasSql } from '../sagas/saga-table.ts';
import { connectionConfig, withClient, type AdminUrl } from './connection.ts';
import { codeOf } from './database-errors.ts';
import { enterOrgSql } from './enter-org-sql.ts';
import { identifier, literal, rolesOf, schemaOf } from './names.ts';
import { surviveLoss } from './pool.ts';
import { lockShape } from './shape-lock.ts';
import { shardModuleSql, shardSql } from '../shards/shard-sql.ts';

export interface ProvisionOptions {
  /** Any database of the server, as its administrator: a superuser, or an account with CREATEDB and CREATEROLE. */
  adminUrl: AdminUrl;
  /** The deployment's database; made if absent. */
  database: string;
  modules: readonly string[];
  /** The deployment's secret; the passwords of the modules' roles are derived from it. */
  secret: string;
  /** It is the database of a shard, where only the orgs of some slots are; see `provisionShard`. */
  sharded?: boolean;
}

/** How the database is to be, without the modules. */
type Shape = Pick<ProvisionOptions, 'database' | 'secret' | 'sharded'>;

const KERNEL_SCHEMA = readFileSync(new URL('./kernel-schema.sql', import.meta.url), 'utf8');
const OLDEST_SERVER = 180000;

/**
 * Makes a deployment's database, the kernel's schema and each module's schema and roles, where they are missing.
 * Where nothing is, it costs one query. Several processes may do it at once.
 */
export async function provision(options: ProvisionOptions): Promise<void> {
  const { database } = options;
  const config = connectionConfig(options.adminUrl, { database });
  try {
    await withClient(config, (client) => provisionIn(client, options));
  } catch (error) {
    if (codeOf(error) !== '3D000') throw error;
    await createEmptyDatabase(options);
    await withClient(config, (client) => provisionIn(client, options));
  }
}

/** The password of a module's role: it can be derived again, so it is stored nowhere. */
export const passwordOf = (secret: string, role: string): string => createHmac('sha256', secret).update(`postgres role ${role}`).digest('hex');

/** What the kernel shows to choose the org of a transaction. No statement can read it: the database knows its digest only. */
export const orgKeyOf = (secret: string): Buffer => createHmac('sha256', secret).update('postgres org key').digest();

async function createEmptyDatabase({ adminUrl, database }: ProvisionOptions): Promise<void> {
  const own = connectionConfig(adminUrl);
  const create = async (client: pg.Client) => {
    await checkServer(client);
    const sql = `create database ${identifier(database)} template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'`;
    await client.query(sql).catch((error: unknown) => {
      // Another process was faster.
      if (codeOf(error) !== '42P04' && codeOf(error) !== '23505') throw error;
    });
  };
  const beside = { ...own, database: 'postgres' };
  if (own.database === database) return withClient(beside, create);
  await withClient(own, create).catch((error: unknown) => {
    // Another process makes that one, and may not have come to it yet.
    if (codeOf(error) !== '3D000') throw error;
    return withClient(beside, create);
  });
}

async function provisionIn(client: pg.Client, wanted: ProvisionOptions): Promise<void> {
  const missing = await findMissing(client, wanted);
  if (missing.length === 0) return;
  await checkServer(client);
  await lockShape(client);
  // What keeps a shard from writing what it does not own is never taken away.
  const options = { ...wanted, sharded: wanted.sharded || (await isShard(client)) };
  try {
    await installQueue(options);
    await client.query('begin');
    await client.query(`${KERNEL_SCHEMA}; ${databaseSql(options)}; set local scram_iterations = 1`);
    for (const module of await findMissing(client, options)) await client.query(moduleSql(options, module));
    await client.query('commit');
  } finally {
    await client.query('rollback; select pg_advisory_unlock_all()').catch(() => {});
  }
}

/** The modules that are not provisioned, or differently from how this version does it. */
async function findMissing(client: pg.Client, { modules, ...shape }: ProvisionOptions): Promise<string[]> {
  const sql = 'select module, fingerprint from mainstay.modules where (select count(*) from pg_roles where rolname in (owner, login, all_orgs)) = 3';
  const { rows } = await client.query<{ module: string; fingerprint: string }>(sql).catch((error: unknown) => {
    if (codeOf(error) === '42P01' || codeOf(error) === '3F000') return { rows: [] };
    throw error;
  });
  const found = new Map(rows.map(({ module, fingerprint }) => [module, fingerprint]));
  return modules.filter((module) => found.get(module) !== fingerprint(shape, module));
}

async function isShard(client: pg.Client): Promise<boolean> {
  return (await client.query("select to_regclass('mainstay.slots') is not null as found")).rows[0].found;
}

async function checkServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ server_version_num: string }>('show server_version_num');
  if (Number(rows[0]!.server_version_num) < OLDEST_SERVER) throw new Error(`the server in DATABASE_URL is older than PostgreSQL 18: upgrade it`);
}

const silent = new Logger(() => () => {});

async function installQueue({ adminUrl, database }: ProvisionOptions): Promise<void> {
  const pgPool = surviveLoss(new pg.Pool({ ...connectionConfig(adminUrl, { database }), max: 1 }));
  await runMigrations({ pgPool, logger: silent }).finally(() => pgPool.end());
}

// Indexes for parts of texts. Neither every server has the extension, nor may every administrator install it.
const textSearchSql = `
  create schema if not exists extensions;
  grant usage on schema extensions to public;
  do $do$ begin
    create extension if not exists pg_trgm schema extensions;
  exception when undefined_file or feature_not_supported then
    raise exception 'the server lacks the extension pg_trgm, by which parts of texts are found: install the contrib modules of PostgreSQL';
  when insufficient_privilege then
    raise exception 'the extension pg_trgm must be made by somebody who may: create extension pg_trgm schema extensions';
  end $do$`;

// So that nothing asks the whole queue, however much waits in it. All but the first hold nothing of jobs that wait for
// their first try, so these cost nothing to queue. To drop takes the strongest lock, so it comes first.
const queueIndexesSql = `
  drop index if exists graphile_worker.mainstay_jobs_of_queue;
  create index if not exists mainstay_jobs_of_subject on graphile_worker._private_jobs (job_queue_id, hashtext(payload ->> 'subject')) where job_queue_id is not null;
  create index if not exists mainstay_jobs_dead on graphile_worker._private_jobs (id) where attempts >= max_attempts and locked_at is null;
  create index if not exists mainstay_jobs_tried on graphile_worker._private_jobs (task_id) where attempts > 0 and locked_at is null;
  create index if not exists mainstay_jobs_held on graphile_worker._private_jobs (locked_at) where locked_at is not null`;

const databaseSql = ({ database, secret, sharded }: Shape) => `
  revoke all on database ${identifier(database)} from public;
  revoke all on schema public from public;
  ${textSearchSql};
  ${queueIndexesSql};
  ${sharded ? shardSql(orgKeyDigest(secret)) : enterOrgSql(orgKeyDigest(secret))}`;

function moduleSql(shape: Shape, module: string): string {
  const roles = rolesOf(shape.database, module);
  const row = [module, schemaOf(module), roles.owner, roles.login, roles.allOrgs, fingerprint(shape, module)];
  return `${shapeSql(shape, module)};
    insert into mainstay.modules (module, schema, owner, login, all_orgs, fingerprint) values (${row.map(literal).join(', ')})
      on conflict (module) do update set fingerprint = excluded.fingerprint`;
}

function shapeSql({ database, secret, sharded }: Shape, module: string): string {
  const roles = rolesOf(database, module);
  const schema = identifier(schemaOf(module));
  const owner = identifier(roles.owner);
  const sessions = [roles.login, roles.allOrgs];
  const users = sessions.map(identifier).join(', ');
  return [
    createRole(roles.owner, 'nologin'),
    ...sessions.map((role) => createRole(role, `login password ${literal(passwordOf(secret, role))}`)),
    // An administrator who is no superuser may act as the owner only after this.
    `grant ${owner} to current_user with inherit true, set true`,
    `create schema if not exists ${schema} authorization ${owner}`,
    `grant connect on database ${identifier(database)} to ${users}`,
    `grant usage on schema mainstay to ${owner}, ${users}`,
    `grant usage on schema ${schema} to ${users}`,
    `grant select on mainstay.modules to ${owner}, ${users}`,
    `grant execute on function mainstay.current_org, mainstay.all_orgs, mainstay.protect_tenant_table to ${owner}, ${users}`,
    `grant execute on function mainstay.enqueue_jobs, mainstay.cancel, mainstay.deliver_events, mainstay.enter_org to ${users}`,
    `alter default privileges for role ${owner} in schema ${schema} grant select, insert, update, delete on tables to ${users}`,
    `alter default privileges for role ${owner} in schema ${schema} grant usage, select on sequences to ${users}`,
    ...sessions.map((role) => `alter role ${identifier(role)} in database ${identifier(database)} set search_path = ${schema}`),
    mailboxSql(module, owner),
    commandsSql(module, owner, identifier(roles.allOrgs)),
    sagasSql(module, owner, identifier(roles.allOrgs)),
    ...(sharded ? [shardModuleSql(module, owner)] : []),
  ].join(';\n');
}

// What a module announced, and which events each of its handlers has dealt with.
function mailboxSql(module: string, owner: string): string {
  const prefix = schemaOf(module);
  return `
    set local role ${owner};
    create table if not exists ${prefix}.${prefix}_outbox (
      id uuid primary key default uuidv7(),
      type text not null,
      subject text not null,
      org uuid,
      data jsonb not null,
      time timestamptz not null default clock_timestamp(),
      trace_id text not null
    );
    create index if not exists ${prefix}_outbox_time on ${prefix}.${prefix}_outbox (time);
    create table if not exists ${prefix}.${prefix}_inbox (
      event_id uuid not null,
      handler text not null,
      time timestamptz not null default clock_timestamp(),
      primary key (event_id, handler)
    );
    create index if not exists ${prefix}_inbox_time on ${prefix}.${prefix}_inbox (time);
    reset role`;
}

const createRole = (name: string, options: string) => `
  do $do$ begin
    if not exists (select from pg_roles where rolname = ${literal(name)}) then create role ${identifier(name)}; end if;
  end $do$;
  alter role ${identifier(name)} ${options}`;

const orgKeyDigest = (secret: string): string => createHash('sha256').update(orgKeyOf(secret)).digest('hex');

// Holds a password's digest only as part of a digest.
const fingerprint = (shape: Shape, module: string): string =>
  createHash('sha256').update([KERNEL_SCHEMA, databaseSql(shape), shapeSql(shape, module)].join('\0')).digest('hex');
