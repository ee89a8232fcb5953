import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import { findRunning } from '@mainstay/kernel/postgres';
import { drillDeployment } from './drill-deployment.ts';

/** A deployment with a gateway, which several processes need. */
export async function drillInPlacement(owner: Parameters<typeof drillDeployment>[0]) {
  const drill = await drillDeployment(owner);
  writeFileSync(drill.file, readFileSync(drill.file, 'utf8').replace('  mod-promist:', '  sys-gateway:\n  mod-promist:'));
  return drill;
}

/** Asks a database of a deployment that runs below `home`, as the administrator; gives all values of all rows. */
export const askIn = (home: string, deployment: string, database: string, sql: string): Promise<unknown[]> =>
  withClient(connectionConfig(findRunning(join(home, deployment, 'postgres'))!.adminUrl(database)), async (client) => (await client.query({ text: sql, rowMode: 'array' })).rows.flat() as unknown[]);
