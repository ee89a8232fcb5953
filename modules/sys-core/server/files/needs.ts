import type { Database, DeploymentInfo, FileStorage, SettingsReader } from '@mainstay/kernel';
import type { Config } from '../../config.ts';
import type { Tables } from '../../database/tables.ts';
import type { settings } from '../../settings.ts';

/** What the files' service and jobs are made from. */
export interface FilesNeeds {
  db: Database<Tables>;
  files: FileStorage;
  config: Config;
  settings: SettingsReader<typeof settings>;
  deployment: DeploymentInfo;
}

const mebibyte = 1024 * 1024;

export interface Limits {
  fileBytes: number;
  orgBytes: number;
  orgFiles: number;
}

/** The limits of the call's org, now. */
export async function limitsOf({ config: { files }, settings }: Pick<FilesNeeds, 'config' | 'settings'>): Promise<Limits> {
  const [quotaMiB, orgFiles] = await Promise.all([settings.get('fileQuotaMiB'), settings.get('fileQuotaCount')]);
  return { fileBytes: files.maxFileMiB * mebibyte, orgBytes: quotaMiB * mebibyte, orgFiles };
}

/** Where a content lies: by org, so that nobody learns whether another org has the same. */
export const contentKey = (orgId: string, sha256: string): string => `${orgId}/${sha256}`;
