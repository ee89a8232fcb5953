import { perOrg } from '@mainstay/kernel';
import { config } from './config.ts';

/** What of the configuration operators can change while the deployment runs; the file's values count until then. */
export const settings = {
  hourlyPerAccount: perOrg(config.shape.hourlyPerAccount, { changedBy: 'operators' }),
  hourlyPerOrg: perOrg(config.shape.hourlyPerOrg, { changedBy: 'operators' }),
};
