import { perOrg } from '@mainstay/kernel';
import { config, type Config } from './config.ts';

const { orgQuotaMiB, maxFilesPerOrg } = config.shape.files.unwrap().shape;

/** What of the configuration operators can change while the deployment runs; the file's values count until then. */
export const settings = {
  fileQuotaMiB: perOrg(orgQuotaMiB, { changedBy: 'operators', configured: ({ files }: Config) => files.orgQuotaMiB }),
  fileQuotaCount: perOrg(maxFilesPerOrg, { changedBy: 'operators', configured: ({ files }: Config) => files.maxFilesPerOrg }),
};
