import { mkdtempSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { connectionConfig, withClient, type AdminUrl } from '../data/connection.ts';
import { startEmbeddedPostgres } from '../data/embedded/embedded-postgres.ts';
import { identifier } from '../data/names.ts';
import { hasProcess } from '../data/embedded/postmaster.ts';

/** A database of its own for a test. */
export interface TestDatabase {
  adminUrl: AdminUrl;
  /** Its name; `provision` makes it. */
  name: string;
  /** Runs SQL in it as the server's administrator, whom nothing keeps from anything; gives the rows. */
  sql<R extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<R[]>;
  drop(): Promise<void>;
}

/**
 * A fresh database name on the server of this test run: the one in MAINSTAY_TEST_POSTGRES (an administrator's
 * connection string), or an embedded one that starts with the first test of this process and ends with the process.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const adminUrl = await testServer();
  const name = `test_${randomBytes(5).toString('hex')}`;
  return {
    adminUrl,
    name,
    sql: (text, values) => withClient(connectionConfig(adminUrl, { database: name }), async (client) => (await client.query(text, values)).rows),
    drop: () => drop(adminUrl, name),
  };
}

/** Runs `work` in a test's database as the server's administrator. */
export const asAdministrator = <T>({ adminUrl, name }: Pick<TestDatabase, 'adminUrl' | 'name'>, work: (client: pg.Client) => Promise<T>): Promise<T> =>
  withClient(connectionConfig(adminUrl, { database: name }), work);

/** Deployments of many processes are tested side by side. */
export const TEST_CONNECTIONS = 1000;

let server: Promise<AdminUrl> | undefined;

/** An administrator's connection string for the server of this test run. */
export const testServer = (): Promise<AdminUrl> => (server ??= process.env.MAINSTAY_TEST_POSTGRES ? Promise.resolve(process.env.MAINSTAY_TEST_POSTGRES) : startOwn());

async function startOwn(): Promise<AdminUrl> {
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-test-'));
  const { adminUrl, pid } = await startEmbeddedPostgres({ directory, diesWithParent: true, disposable: true, connections: TEST_CONNECTIONS });
  process.once('exit', () => {
    process.kill(pid, 'SIGINT');
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (const until = Date.now() + 5000; hasProcess(join(directory, 'data')) && Date.now() < until;) Atomics.wait(pause, 0, 0, 5);
    rmSync(directory, { recursive: true, force: true });
  });
  return adminUrl('postgres');
}

async function drop(adminUrl: AdminUrl, name: string): Promise<void> {
  await withClient(connectionConfig(adminUrl, { database: 'postgres' }), async (client) => {
    await client.query(`drop database if exists ${identifier(name)} with (force)`);
    const { rows } = await client.query<{ rolname: string }>(`select rolname from pg_roles where starts_with(rolname, $1)`, [`${name}.`]);
    if (rows.length > 0) await client.query(`drop role ${rows.map(({ rolname }) => identifier(rolname)).join(', ')}`);
  });
}
