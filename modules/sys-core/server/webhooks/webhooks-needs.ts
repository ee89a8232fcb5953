import type { Database, DeploymentInfo, Logger } from '@mainstay/kernel';
import type { Config } from '../../config.ts';
import type { Tables } from '../../database/tables.ts';

/** What telling other systems of events is made from. */
export interface WebhooksNeeds {
  db: Database<Tables>;
  config: Config;
  deployment: Pick<DeploymentInfo, 'secret' | 'phase' | 'eventTypes'>;
  log: Logger;
}
