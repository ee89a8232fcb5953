import { setTimeout as sleep } from 'node:timers/promises';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import { withPath } from '../backup/spare-database.ts';
import { type DatabaseServer, nameOnServer, urlOf } from '../backup/url-of-database.ts';
import { OperatorError } from '../controller/operator-error.ts';

/** Whether one of a deployment's databases is there. */
export const hasDatabase = (server: DatabaseServer, database: string): Promise<boolean> =>
  withClient(connectionConfig(withPath(urlOf(server, database), 'postgres')), async (client) =>
    (await client.query('select from pg_database where datname = $1', [nameOnServer(server, database)])).rowCount! > 0);

const patienceMilliseconds = 2000;

/** Throws an `OperatorError` while anybody is connected to one of these databases; a process that was killed may be for a moment. */
export async function requireNobody(server: DatabaseServer, databases: readonly string[]): Promise<void> {
  for (const end = performance.now() + patienceMilliseconds; ; await sleep(200)) {
    const busy: string[] = [];
    for (const database of databases) if (await isInUse(server, database)) busy.push(nameOnServer(server, database));
    if (busy.length === 0) return;
    if (performance.now() > end) throw new OperatorError(`somebody is connected to ${busy.join(', ')}: end every process of the deployment, and whatever else uses its databases, and try again`);
  }
}

const isInUse = (server: DatabaseServer, database: string): Promise<boolean> =>
  withClient(connectionConfig(withPath(urlOf(server, database), 'postgres')), async (client) =>
    (await client.query("select from pg_stat_activity where datname = $1 and backend_type = 'client backend' limit 1", [nameOnServer(server, database)])).rowCount! > 0);
