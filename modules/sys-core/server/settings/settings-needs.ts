import type { Database, DeploymentInfo } from '@mainstay/kernel';
import type { Tables } from '../../database/tables.ts';

/** What the store of settings, and their service, are made from. */
export interface Needs {
  db: Database<Tables>;
  deployment: Pick<DeploymentInfo, 'settings' | 'secret'>;
}
