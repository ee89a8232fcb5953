import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '@mainstay/deploy/free-port';
import pg from 'pg';
import { startApp, type RunningApp } from '../rest/running-app.ts';
import type { Chain } from './five-modules-chain.ts';

const folder = join(import.meta.dirname, '../peers');
const services = ['accounts', 'promises', 'journeys', 'parcels'];

/** Starts the chain on a peer: all in one process, or each service and the door in one of their own. */
export async function startChain(script: string, adminUrl: (database: string) => string, how: 'together' | 'apart'): Promise<Chain> {
  await run(adminUrl('postgres'), 'create database chain');
  const ids = await run(adminUrl('chain'), readFileSync(join(folder, 'chain.sql'), 'utf8')).then(() => run(adminUrl('chain'), 'select id from parcels'));
  const ports = await freePorts('127.0.0.1', services.length + 1);
  const nodes = Object.fromEntries([...services, 'door'].map((role, at) => [role, ports[at]]));
  const start = (roles: string[]) => startApp({
    name: `${script} ${roles.join(',')}`,
    script: join(folder, `${script}.mjs`),
    environment: { DATABASE_URL: adminUrl('chain'), ROLES: roles.join(','), ...(how === 'apart' && { NODES: JSON.stringify(nodes) }), ORG_ID: randomUUID(), ACCOUNT_ID: randomUUID(), NODE_ENV: 'production' },
    read: ({ address, token }) => (typeof address === 'string' ? { address, token: String(token) } : undefined),
  });
  const apps: RunningApp[] = [];
  const stop = async () => void (await Promise.all(apps.map((app) => app.stop())));
  try {
    if (how === 'apart') apps.push(...(await Promise.all(services.map((role) => start([role])))));
    apps.push(await start(how === 'apart' ? ['door'] : [...services, 'door']));
  } catch (error) {
    await stop();
    throw error;
  }
  const { address, token } = apps.at(-1)!;
  return { address, token, pids: apps.map(({ pid }) => pid), ids: ids.map(({ id }) => id), stop };
}

async function run(url: string, sql: string): Promise<{ id: string }[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>(sql);
    return rows;
  } finally {
    await client.end();
  }
}
