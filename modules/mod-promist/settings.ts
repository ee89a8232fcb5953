import { deploymentWide, perOrg } from '@mainstay/kernel';
import { config } from './config.ts';

/** What of the configuration can be changed while the deployment runs; the file's values count until then. */
export const settings = {
  keepDeletedDays: perOrg(config.shape.keepDeletedDays),
  watchIntervalMs: deploymentWide(config.shape.watchIntervalMs),
};
