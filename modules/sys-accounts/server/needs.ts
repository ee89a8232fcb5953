import type { Database, DeploymentInfo, Logger } from '@mainstay/kernel';
import type { Kysely } from 'kysely';
import type { Config } from '../config.ts';
import type { Tables } from '../database/tables.ts';

/** What the services of this module are made from. */
export interface Needs {
  db: Database<Tables>;
  config: Config;
  deployment: DeploymentInfo;
  log: Logger;
}

/** Reads alone, or as part of a transaction. */
export type Reader = Kysely<Tables>;
