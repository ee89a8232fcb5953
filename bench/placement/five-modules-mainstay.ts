import pg from 'pg';
import { databaseNameOf } from '@mainstay/kernel/placement/placement';
import { fill } from '../rest/fill.ts';
import { signIn } from '../rest/mainstay-app.ts';
import type { Chain } from './five-modules-chain.ts';
import { startPlaced } from './start-placed.ts';

const modules = { 'sys-core': null, 'sys-accounts': { accessTokenMinutes: 60 }, 'sys-email': null, 'sys-gateway': null, 'mod-promist': null, 'mod-journeys': null, 'mod-parcels': null };

/** Starts the five modules, and what they need, in a placement, and gives each of their tables a thousand rows. */
export async function startModules(folder: string, adminUrl: (database: string) => string, placement: string): Promise<Chain> {
  const { address, processes, stop } = await startPlaced({ folder, databaseUrl: adminUrl('bench'), modules, ...(placement !== 'one-process' && { placement }) });
  const databaseOf = (module: string) => adminUrl(databaseNameOf('bench', processes.find(({ instance }) => instance.modules.includes(module))!.instance));
  try {
    const { token, orgId, accountId } = await signIn(address);
    const promises = await fill(databaseOf('mod-promist'), 'mod_promist.mod_promist_promises', { orgId, accountId }, 1000);
    const journeys = await insert(databaseOf('mod-journeys'), `insert into mod_journeys.mod_journeys_journeys (org_id, promise_id, carrier_id, text) select $1, id, $2, repeat('j', 260) from unnest($3::uuid[]) id returning id`, [orgId, accountId, promises]);
    const ids = await insert(databaseOf('mod-parcels'), `insert into mod_parcels.mod_parcels_parcels (org_id, journey_id, text) select $1, id, repeat('p', 260) from unnest($2::uuid[]) id returning id`, [orgId, journeys]);
    return { address, token, pids: processes.map(({ pid }) => pid), ids, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function insert(url: string, sql: string, values: unknown[]): Promise<string[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>(sql, values);
    await client.query('analyze');
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}
