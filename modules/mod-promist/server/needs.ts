import type { Client } from '@connectrpc/connect';
import type { Database, DeploymentInfo, Logger, SettingsReader } from '@mainstay/kernel';
import type { AccountsService } from '@mainstay/sys-accounts/contract';
import type { Kysely } from 'kysely';
import type { Config } from '../config.ts';
import type { Tables } from '../database/tables.ts';
import type { settings } from '../settings.ts';

/** What the services, jobs and event handlers of this module are made from. */
export interface Needs {
  db: Database<Tables>;
  accounts: Client<typeof AccountsService>;
  config: Config;
  settings: SettingsReader<typeof settings>;
  deployment: DeploymentInfo;
  log: Logger;
}

/** Reads alone, or as part of a transaction. */
export type Reader = Kysely<Tables>;
