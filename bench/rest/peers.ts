import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { startApp, type RunningApp } from './running-app.ts';

const folder = join(import.meta.dirname, '../peers');

/** A peer under load, with a database, an org and a user of its own. */
export interface PeerApp extends RunningApp {
  databaseUrl: string;
  orgId: string;
  accountId: string;
}

/** Installs what only the peers need, at the versions of their lock file. */
export function installPeers(): void {
  if (existsSync(join(folder, 'node_modules'))) return;
  console.error('installing the peers …');
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  if (status !== 0) throw new Error('the peers could not be installed; see above');
}

/** Makes a database for a peer and starts it. */
export async function startPeer(name: string, script: string, adminUrl: (database: string) => string): Promise<PeerApp> {
  const database = `peer_${script.replaceAll('-', '_')}`;
  const [orgId, accountId] = [randomUUID(), randomUUID()];
  // Row-level security holds for a role that is not a superuser, as it does in Mainstay.
  await statements(adminUrl('postgres'), `create database ${database}`);
  await statements(adminUrl(database), readFileSync(join(folder, 'tables.sql'), 'utf8'));
  await statements(adminUrl(database), `create role ${database} login password 'peer'; grant select, insert, update, delete on all tables in schema public to ${database}`);
  const url = new URL(adminUrl(database));
  url.username = database;
  url.password = 'peer';
  const app = await startApp({
    name, script: join(folder, `${script}.mjs`),
    environment: { DATABASE_URL: String(url), ORG_ID: orgId, ACCOUNT_ID: accountId, NODE_ENV: 'production' },
    read: ({ address, token }) => (typeof address === 'string' ? { address, token: String(token) } : undefined),
  });
  return { ...app, databaseUrl: adminUrl(database), orgId, accountId };
}

async function statements(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(sql);
  await client.end();
}
