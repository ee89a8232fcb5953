import { connectionConfig, identifier, rolesOf, schemaOf, withClient } from '@mainstay/kernel/administration';
import type pg from 'pg';
import { withPath } from '../backup/spare-database.ts';
import { type DatabaseServer, nameOnServer, urlOf } from '../backup/url-of-database.ts';
import { databasesIn, type Homes } from '../controller/chosen-placement.ts';
import { removeJobs } from './carry-jobs.ts';

/**
 * Removes what lies where modules have no home: their schemas, roles and jobs, and databases that hold no module's rows
 * any more. May be cut off and called again.
 */
export async function forgetHomes(server: DatabaseServer, homes: Homes, former: Homes, say: (what: string) => void): Promise<void> {
  const modules = Object.keys({ ...homes, ...former });
  const kept = databasesIn(homes);
  for (const database of new Set(Object.values(former).flat())) {
    const gone = modules.filter((module) => former[module]?.includes(database) && !homes[module]?.includes(database));
    if (gone.length === 0) continue;
    say(`removing ${nameOnServer(server, database)}${database === '' || kept.includes(database) ? `, ${gone.join(', ')}` : ''}`);
    if (database === '' || kept.includes(database)) await forgetModules(server, database, gone, new Set(modules));
    else await dropDatabase(server, database, modules);
  }
}

async function forgetModules(server: DatabaseServer, database: string, modules: readonly string[], known: ReadonlySet<string>): Promise<void> {
  await withClient(connectionConfig(urlOf(server, database)), async (client) => {
    if (!(await client.query<{ made: boolean }>("select to_regclass('mainstay.modules') is not null as made")).rows[0]!.made) return;
    await client.query('begin');
    await removeJobs(client, modules, known);
    for (const module of modules) {
      await client.query(`drop schema if exists ${identifier(schemaOf(module))} cascade`);
      await client.query('delete from mainstay.modules where module = $1', [module]);
      await dropRoles(client, Object.values(rolesOf(nameOnServer(server, database), module)));
    }
    await client.query('commit');
  });
}

/** Whoever made the roles may be no superuser: what they were granted is taken away by one who acts as them. */
async function dropRoles(client: pg.Client, roles: readonly string[]): Promise<void> {
  for (const role of await existing(client, roles)) {
    await client.query(`grant ${identifier(role)} to current_user with inherit true, set true`);
    await client.query(`drop owned by ${identifier(role)}`);
    await client.query(`drop role ${identifier(role)}`);
  }
}

async function dropDatabase(server: DatabaseServer, database: string, modules: readonly string[]): Promise<void> {
  const name = nameOnServer(server, database);
  await withClient(connectionConfig(withPath(urlOf(server, database), 'postgres')), async (client) => {
    await client.query(`drop database if exists ${identifier(name)} with (force)`);
    const roles = await existing(client, modules.flatMap((module) => Object.values(rolesOf(name, module))));
    if (roles.length > 0) await client.query(`drop role ${roles.map(identifier).join(', ')}`);
  });
}

async function existing(client: pg.Client, roles: readonly string[]): Promise<string[]> {
  return (await client.query<{ rolname: string }>('select rolname from pg_roles where rolname = any ($1)', [roles])).rows.map(({ rolname }) => rolname);
}
