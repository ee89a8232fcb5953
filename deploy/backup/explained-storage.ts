import { Readable } from 'node:stream';
import type { FileStorage } from '@mainstay/kernel/files';
import { reasonOf } from '@mainstay/kernel';
import { OperatorError } from '../controller/operator-error.ts';

/** A storage whose own errors say to an operator where it lies and what to do; those of whoever uses it are left as they are. */
export function explainedStorage(storage: FileStorage, place: string): FileStorage {
  const explain = (error: unknown): never => { throw explained(error, place); };
  return {
    receive: (content) => storage.receive(content).catch(explain),
    write: (key, content) => storage.write(key, content).catch(explain),
    read: (key, range) => storage.read(key, range).then((content) => Readable.from(whole(content, key, place), { objectMode: false }), explain),
    find: (key) => storage.find(key).catch(explain),
    async *list(folder) {
      try {
        yield* storage.list(folder);
      } catch (error) {
        explain(error);
      }
    },
    remove: (key) => storage.remove(key).catch(explain),
    removeRemnants: (before) => storage.removeRemnants(before),
  };
}

async function* whole(content: Readable, key: string, place: string): AsyncGenerator<Buffer> {
  try {
    for await (const piece of content) yield piece as Buffer;
  } catch (error) {
    throw new OperatorError(`reading ${key} from ${place} broke off: ${(error as Error).message}; try again`, { cause: error });
  }
}

const refusals = ['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'Forbidden'];

function explained(error: unknown, place: string): unknown {
  const { name, message, cause, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  const say = (problem: string) => new OperatorError(`${place} ${problem}`, { cause: error });
  const reason = reasonOf(error);
  if (reason === 'kernel.STORAGE_UNAVAILABLE') return say(`can't be reached (${causeOf(cause)}); see that it runs and that "files" in the deployment file names it, then try again`);
  if (reason === 'kernel.STORAGE_FULL') return say('has no room left for files; make some, then try again');
  if (reason === 'kernel.CONTENT_MISSING') return say('lacks a file that it listed a moment ago; try again');
  if (name === 'NoSuchBucket') return say('is not there: make the bucket, or correct files.s3.bucket in the deployment file');
  if (refusals.includes(name) || $metadata?.httpStatusCode === 403) return say(`refuses the keys in FILES_S3_ACCESS_KEY_ID and FILES_S3_SECRET_ACCESS_KEY: ${message || name}`);
  return $metadata ? say(`answers with an error: ${message || name}`) : error;
}

/** An address that stands for several gives an error for each, in an error without words. */
function causeOf(error: unknown): string {
  const { code, message, errors } = error as NodeJS.ErrnoException & { errors?: unknown[] };
  return message || code || (errors?.[0] ? causeOf(errors[0]) : 'no answer');
}
