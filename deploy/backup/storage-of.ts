import { readFileSync } from 'node:fs';
import { type FileStorage, filesSection, type FilesSettings, openStorage, readFilesSettings } from '@mainstay/kernel/files';
import { parse } from 'yaml';
import { OperatorError } from '../controller/operator-error.ts';
import { explainedStorage } from './explained-storage.ts';

/** Where the files of a deployment lie; whatever goes wrong there is an `OperatorError` that names the place. */
export interface PlacedStorage extends FileStorage {
  /** Such as `the bucket mainstay at http://localhost:9000`. */
  place: string;
  inS3: boolean;
}

/** The storage that a deployment file names; of the rest of the file nothing has to be right. Messages call the file `shown`. */
export function storageOf(file: string, dataFolder: string, environment: NodeJS.ProcessEnv, shown = file): PlacedStorage {
  const settings = readFilesSettings(shown, sectionIn(shown, readFileSync(file, 'utf8')), environment);
  const place = placeOf(settings, dataFolder);
  return { ...explainedStorage(openStorage(settings, dataFolder), place), place, inS3: settings.s3 !== undefined };
}

/** Whether the text of a deployment file, from `file`, puts files into S3. */
export const namesS3 = (file: string, text: string): boolean => sectionIn(file, text).s3 !== undefined;

function sectionIn(file: string, text: string): ReturnType<typeof filesSection.parse> {
  const wrong = (problem: string) => new OperatorError(`${file}: ${problem}`);
  let content: { files?: unknown } | null;
  try {
    content = parse(text) as typeof content;
  } catch (error) {
    throw wrong(`not valid YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  const result = filesSection.safeParse(content?.files ?? {});
  if (result.success) return result.data;
  throw wrong(result.error.issues.map(({ path, message }) => `${['files', ...path].join('.')}: ${message}`).join('; '));
}

function placeOf({ s3 }: FilesSettings, dataFolder: string): string {
  return s3 ? `the bucket ${s3.bucket} at ${s3.endpoint}${s3.prefix ? `, below ${s3.prefix}/` : ''}` : dataFolder;
}
