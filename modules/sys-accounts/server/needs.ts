import type { Database, DeploymentInfo, Logger, SettingsReader } from '@mainstay/kernel';
import type { Kysely } from 'kysely';
import type { Config } from '../config.ts';
import type { Tables } from '../database/tables.ts';
import type { settings } from '../settings.ts';

/** What the services of this module are made from. */
export interface Needs {
  db: Database<Tables>;
  config: Config;
  deployment: DeploymentInfo;
  settings: SettingsReader<typeof settings>;
  log: Logger;
}

/** Reads alone, or as part of a transaction. */
export type Reader = Kysely<Tables>;
