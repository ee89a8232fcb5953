import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { connectionConfig, withClient } from './connection.ts';
import { migrate } from './migrate.ts';
import { rolesOf } from './names.ts';
import { passwordOf, provision } from './provision.ts';

const secret = 'd'.repeat(64);
const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
let server: TestDatabase;

before(async () => {
  server = await testDatabase();
  const place = { adminUrl: server.adminUrl, database: server.name };
  writeFileSync(join(files, '0001-accounts.sql'), `
    create table sys_secrets_accounts (id uuid primary key default uuidv7(), word text not null);
    insert into sys_secrets_accounts (word) values ('hidden treasure');
    create sequence sys_secrets_numbers;
    create view sys_secrets_words as select word from sys_secrets_accounts;
    create function sys_secrets_word() returns text language sql security definer return (select word from sys_secrets_accounts limit 1);`);
  await provision({ ...place, modules: ['sys-secrets', 'mod-thief'], secret });
  await migrate({ ...place, module: 'sys-secrets', migrations: pathToFileURL(files) });
});

after(async () => {
  await server.drop();
  rmSync(files, { recursive: true });
});

const place = (module: string, which: 'login' | 'allOrgs') => {
  const user = rolesOf(server.name, module)[which];
  return connectionConfig(server.adminUrl, { database: server.name, user, password: passwordOf(secret, user) });
};

/** Runs one statement with the role of mod-thief, as raw SQL of its handlers would. */
const steal = (text: string, which: 'login' | 'allOrgs') => withClient(place('mod-thief', which), async (client) => (await client.query(text)).rows as unknown[]);

const refused = [
  'select * from sys_secrets.sys_secrets_accounts',
  'select * from sys_secrets.sys_secrets_words',
  'select sys_secrets.sys_secrets_word()',
  `select nextval('sys_secrets.sys_secrets_numbers')`,
  'select count(*) from sys_secrets.sys_secrets_outbox',
  `insert into sys_secrets.sys_secrets_accounts (word) values ('x')`,
  'update sys_secrets.sys_secrets_accounts set word = word',
  'delete from sys_secrets.sys_secrets_accounts',
  'truncate sys_secrets.sys_secrets_accounts',
  'drop table sys_secrets.sys_secrets_accounts',
  'copy sys_secrets.sys_secrets_accounts to stdout',
  'lock table sys_secrets.sys_secrets_accounts',
  'select * from mainstay.subscriptions',
  `insert into mainstay.subscriptions values ('x', 'mod-thief', 'x')`,
  `update mainstay.modules set all_orgs = current_user`,
  `select mainstay.session_module()`,
  `select * from mainstay.entered_org`,
  `select currval('mainstay.entered_org')`,
  'select * from graphile_worker._private_jobs',
  'select * from graphile_worker.jobs',
  `select graphile_worker.add_job('sys-secrets/x')`,
  'delete from graphile_worker._private_jobs',
  'select * from pg_authid',
  'select * from pg_largeobject',
  'select * from pg_user_mapping',
  'select * from pg_statistic',
  'select * from pg_hba_file_rules',
  'create table mine (id int)',
  'create temp table mine (id int)',
  'create table public.mine (id int)',
  'create schema mine',
  'create view mine as select 1',
  'create function mine() returns int language sql return 1',
  'create role mine',
  'create database mine',
  'create extension dblink',
  'create extension postgres_fdw',
  'create extension pg_stat_statements',
  'create server s foreign data wrapper postgres_fdw',
  'create publication p for all tables',
  'create event trigger t on ddl_command_start execute function now()',
  `copy (select 1) to program 'true'`,
  `copy (select 1) to '/tmp/mainstay-stolen'`,
  `select pg_read_file('PG_VERSION')`,
  `select pg_ls_dir('.')`,
  `select lo_import('/etc/hostname')`,
  `load '/tmp/x.so'`,
  'select pg_reload_conf()',
  `alter system set log_statement = 'all'`,
  'set session_replication_role = replica',
  ...['sys-secrets'].flatMap((module) => ['owner', 'login', 'allOrgs'].map((which) => (): string => `set role "${rolesOf(server.name, module)[which as 'owner']}"`)),
  () => `set role "${rolesOf(server.name, 'mod-thief').owner}"`,
  () => `grant "${rolesOf(server.name, 'sys-secrets').login}" to current_user`,
  'set session authorization postgres',
  'grant all on schema mod_thief to public',
  'alter default privileges in schema sys_secrets grant select on tables to public',
];

for (const which of ['login', 'allOrgs'] as const) {
  test(`raw SQL of a module's ${which} role reaches nothing but its own schema`, async () => {
    for (const statement of refused) {
      const text = typeof statement === 'string' ? statement : statement();
      const rows = await steal(text, which).catch((error: { code?: string }) => error.code ?? 'no code');
      // A change that is refused in silence, or has nothing to change, is refused too.
      const nothing = Array.isArray(rows) && rows.length === 0 && /^(grant|alter default)/.test(text);
      assert.ok(nothing || typeof rows === 'string', `${text} gave ${JSON.stringify(rows)}`);
    }
  });

  test(`of all relations the ${which} role may touch only those of its module`, async () => {
    const reachable = await steal(`
      select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname not in ('pg_catalog', 'information_schema', 'mod_thief') and n.nspname not like 'pg\\_toast%' and c.relkind in ('r', 'v', 'm', 'p', 'f', 'S')
          and has_schema_privilege(n.oid, 'usage')
          and case c.relkind when 'S' then has_sequence_privilege(c.oid, 'usage,select,update') else has_table_privilege(c.oid, 'select,insert,update,delete,truncate,references,trigger') end`, which);
    assert.deepEqual(reachable, [{ name: 'mainstay.modules' }]);
  });
}

test("another module's statements are not shown, and its sessions not ended", async () => {
  await withClient(place('sys-secrets', 'login'), async (victim) => {
    await victim.query(`select 'hidden treasure' as word`);
    const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid');
    for (const means of ['terminate', 'cancel']) await assert.rejects(steal(`select pg_${means}_backend(${rows[0]!.pid})`, 'login'), /permission denied/);
    const seen = JSON.stringify(await steal('select * from pg_stat_activity', 'login'));
    assert.match(seen, /insufficient privilege/);
    assert.doesNotMatch(seen, /hidden treasure/);
  });
});
