import type { Database, DeploymentInfo, FileStorage } from '@mainstay/kernel';
import type { Config } from '../../config.ts';
import type { Tables } from '../../database/tables.ts';

/** What the files' service and jobs are made from. */
export interface FilesNeeds {
  db: Database<Tables>;
  files: FileStorage;
  config: Config;
  deployment: DeploymentInfo;
}

const mebibyte = 1024 * 1024;

/** The limits of an org, in bytes and files. */
export const limitsOf = ({ files: { maxFileMiB, orgQuotaMiB, maxFilesPerOrg } }: Config) => ({ fileBytes: maxFileMiB * mebibyte, orgBytes: orgQuotaMiB * mebibyte, orgFiles: maxFilesPerOrg });

/** Where a content lies: by org, so that nobody learns whether another org has the same. */
export const contentKey = (orgId: string, sha256: string): string => `${orgId}/${sha256}`;
