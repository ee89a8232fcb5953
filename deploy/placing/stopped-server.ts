import { findRunning, startEmbeddedPostgres, stopEmbeddedPostgres } from '@mainstay/kernel/postgres';
import type { DatabaseServer } from '../backup/url-of-database.ts';
import { deploymentEnvironment } from '../controller/secrets.ts';
import type { StateFolder } from '../controller/state-folder.ts';
import { requireNobody } from './has-database.ts';

/**
 * Works on the server in DATABASE_URL, or on the deployment's own, which is started for that. Throws an `OperatorError` if
 * anybody is connected to one of the databases.
 */
export async function withStoppedServer<T>(folder: StateFolder, databases: readonly string[], work: (server: DatabaseServer) => Promise<T>): Promise<T> {
  const environment = deploymentEnvironment(folder);
  const alone = async (adminUrl: string) => {
    await requireNobody({ adminUrl, environment }, databases);
    return { adminUrl, environment };
  };
  if (process.env.DATABASE_URL) return work(await alone(process.env.DATABASE_URL));
  // One that was cut off left it running; it is left to a backup that uses it.
  const running = findRunning(folder.postgres);
  if (running) await alone(running.adminUrl(folder.name));
  const { adminUrl } = await startEmbeddedPostgres({ directory: folder.postgres });
  try {
    return await work({ adminUrl: adminUrl(folder.name), environment });
  } finally {
    await stopEmbeddedPostgres(folder.postgres);
  }
}
