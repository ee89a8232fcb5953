import { mkdirSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { StartError } from '../module/start-error.ts';

/** The folder where this process keeps files, made if it is absent; nobody else may enter it. Throws a `StartError` if none was given. */
export function requireDataFolder(folder: string | undefined): string {
  if (!folder) throw new StartError(['there is no folder to keep files in; set the environment variable MAINSTAY_DATA_FOLDER to an absolute path']);
  if (!isAbsolute(folder)) throw new StartError([`MAINSTAY_DATA_FOLDER is "${folder}"; it must be an absolute path`]);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StartError([`the data folder ${folder} cannot be made: ${(error as Error).message}`], { cause: error });
  }
  return folder;
}
