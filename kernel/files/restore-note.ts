import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { StartError } from '../module/start-error.ts';
import type { Logger } from '../telemetry/log.ts';
import type { FileStorage } from './file-storage.ts';

const noteSchema = z.object({
  /** Another one for each restore. */
  id: z.string(),
  /** The name of the restored deployment. */
  deployment: z.string(),
  /** The name of the machine that it runs on. */
  host: z.string(),
  began: z.iso.datetime(),
  /** Whether files lay there before. */
  over: z.boolean(),
  /** Grows for as long as the restore runs. */
  beat: z.int(),
});

/** That a restore writes into a storage in which files are written to where they stay; it lies there until all is proved. */
export type RestoreNote = z.infer<typeof noteSchema>;

const noteKey = 'restore/note';

/** Whether a content is no file of a deployment, but belongs to a restore. */
export const isOfRestore = (key: string): boolean => key.startsWith('restore/');

/** The note of the restore that writes into the storage, or was ended while it did. */
export const readRestoreNote = async (storage: FileStorage): Promise<RestoreNote | undefined> =>
  (await storage.find(noteKey)) && noteSchema.parse(JSON.parse((await buffer(await storage.read(noteKey))).toString()));

export async function writeRestoreNote(storage: FileStorage, note: RestoreNote): Promise<void> {
  await storage.write(noteKey, Readable.from([Buffer.from(JSON.stringify(note))]));
}

export const removeRestoreNote = (storage: FileStorage): Promise<void> => storage.remove(noteKey);

const patienceMs = 5000;

/**
 * Throws a `StartError` if a restore into the storage, empty until then, did not come to its end. A storage that can't be
 * asked keeps nobody from starting: files are away then, and all else is there.
 */
export async function requireNoHalfRestore(storage: FileStorage, log: Logger): Promise<void> {
  const note = await Promise.race([readRestoreNote(storage), silence(patienceMs)]).catch((error: unknown) => {
    log.warn({ err: error }, 'the file storage can not be asked whether a restore into it came to its end');
    return undefined;
  });
  if (!note || note.over) return;
  const { deployment, began, host } = note;
  throw new StartError([`the file storage holds a part of ${deployment} only: a restore that began at ${began} on ${host} still runs, or was killed; wait for its end, or run ./mainstay restore again, which removes what is left there`]);
}

function silence(milliseconds: number): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds).unref();
  return promise;
}
