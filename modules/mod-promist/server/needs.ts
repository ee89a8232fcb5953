import type { Client } from '@connectrpc/connect';
import type { Database, DeploymentInfo, Logger } from '@mainstay/kernel';
import type { AccountsService } from '@mainstay/sys-accounts/contract';
import type { Kysely } from 'kysely';
import type { Config } from '../config.ts';
import type { Tables } from '../database/tables.ts';

/** What the services, jobs and event handlers of this module are made from. */
export interface Needs {
  db: Database<Tables>;
  accounts: Client<typeof AccountsService>;
  config: Config;
  deployment: DeploymentInfo;
  log: Logger;
}

/** Reads alone, or as part of a transaction. */
export type Reader = Kysely<Tables>;
