import { databaseOf } from '@mainstay/kernel/administration';
import { databaseNameOf, databaseVariable } from '@mainstay/kernel/placement';
import { withPath } from './spare-database.ts';

/** Where the databases of a deployment are. */
export interface DatabaseServer {
  /** The deployment's own database, as its administrator. */
  adminUrl: string;
  environment: NodeJS.ProcessEnv;
}

/** The connection string of one of a deployment's databases; `''` is its own. One may be on another server, by a variable of its own. */
export const urlOf = (server: DatabaseServer, database: string): string =>
  database === '' ? server.adminUrl : withPath(server.environment[databaseVariable(database)] || server.adminUrl, nameOnServer(server, database));

/** The name that its server knows it by. */
export const nameOnServer = ({ adminUrl }: DatabaseServer, database: string): string => databaseNameOf(databaseOf(adminUrl), { database });
