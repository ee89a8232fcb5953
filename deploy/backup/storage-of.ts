import { readFileSync } from 'node:fs';
import { type FileStorage, filesSection, openStorage, readFilesSettings } from '@mainstay/kernel/files';
import { parse } from 'yaml';

/** The storage that a deployment file names; of the rest of the file nothing has to be right. */
export function storageOf(file: string, dataFolder: string, environment: NodeJS.ProcessEnv): FileStorage {
  const { files } = (parse(readFileSync(file, 'utf8')) ?? {}) as { files?: unknown };
  return openStorage(readFilesSettings(file, filesSection.parse(files ?? {}), environment), dataFolder);
}
