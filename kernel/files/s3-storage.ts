import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { checkKey, isKey, storageErrors, type ByteRange, type FileStorage, type ReceivedContent, type StoredContent } from './file-storage.ts';
import type { S3Settings } from './files-config.ts';
import { Incoming, type IncomingFile } from './incoming.ts';

type Library = typeof import('@aws-sdk/client-s3');
type HttpRequest = { path: string; headers: Record<string, string> };

const attempts = 3;

/**
 * Contents as objects of a bucket, of any server that speaks the S3 protocol. What is received waits on this machine's
 * disk, so that it is sent with its length and its hash known, in one request, and can be sent again.
 */
export class S3Storage implements FileStorage {
  readonly #settings: S3Settings;
  readonly #incoming: Incoming;
  #opened: Promise<{ library: Library; client: S3Client }> | undefined;

  constructor(settings: S3Settings, dataFolder: string) {
    this.#settings = settings;
    this.#incoming = new Incoming(join(dataFolder, 'incoming'));
  }

  async receive(content: AsyncIterable<Uint8Array>): Promise<ReceivedContent> {
    const file = await this.#incoming.receive(content);
    const { path, ...received } = file;
    return { ...received, keep: (key) => this.#keep(file, key), discard: () => rm(path, { force: true }) };
  }

  async write(key: string, content: AsyncIterable<Uint8Array>) {
    checkKey(key);
    const file = await this.#incoming.receive(content);
    await this.#keep(file, key);
    return { size: file.size, sha256: file.sha256 };
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    const { library, client } = await this.#open();
    const wanted = range && { Range: `bytes=${range.start}-${range.start + range.length - 1}` };
    const { Body } = await client.send(new library.GetObjectCommand({ ...this.#object(key), ...wanted })).catch(explain);
    return Body as Readable;
  }

  async find(key: string): Promise<StoredContent | undefined> {
    const { library, client } = await this.#open();
    try {
      const { ContentLength = 0, LastModified = new Date(0) } = await client.send(new library.HeadObjectCommand(this.#object(key)));
      return { key, size: ContentLength, modified: LastModified };
    } catch (error) {
      return isMissing(error) ? undefined : explain(error);
    }
  }

  async *list(folder = ''): AsyncIterable<StoredContent> {
    const { library, client } = await this.#open();
    const prefix = this.#name(folder && `${checkKey(folder)}/`);
    try {
      for await (const { Contents = [] } of library.paginateListObjectsV2({ client }, { Bucket: this.#settings.bucket, Prefix: prefix })) {
        for (const { Key = '', Size = 0, LastModified = new Date(0) } of Contents) {
          const key = Key.slice(this.#name('').length);
          if (isKey(key)) yield { key, size: Size, modified: LastModified };
        }
      }
    } catch (error) {
      explain(error);
    }
  }

  async remove(key: string): Promise<void> {
    const { library, client } = await this.#open();
    await client.send(new library.DeleteObjectCommand(this.#object(key))).catch(explain);
  }

  removeRemnants(before: Date): Promise<void> {
    return this.#incoming.removeRemnants(before);
  }

  async #keep(file: IncomingFile, key: string): Promise<void> {
    try {
      for (let attempt = 1; ; attempt++) {
        const error = await this.#put(file, key).then(() => undefined, (thrown: unknown) => thrown);
        if (error === undefined) return;
        if (attempt === attempts || !isPassing(error)) explain(error);
        await pause(200 * attempt);
      }
    } finally {
      await rm(file.path, { force: true });
    }
  }

  async #put({ path, size, sha256 }: IncomingFile, key: string): Promise<void> {
    const { library, client } = await this.#open();
    const command = new library.PutObjectCommand({ ...this.#object(key), Body: createReadStream(path), ContentLength: size });
    // The signature covers the content by the hash that is known already: the server refuses any other.
    command.middlewareStack.add((next) => (args) => {
      (args.request as HttpRequest).headers['x-amz-content-sha256'] = sha256;
      return next(args);
    }, { step: 'build', name: 'knownHash' });
    await client.send(command);
  }

  #object(key: string) {
    return { Bucket: this.#settings.bucket, Key: this.#name(checkKey(key)) };
  }

  #name(key: string): string {
    return this.#settings.prefix ? `${this.#settings.prefix}/${key}` : key;
  }

  /** The library is large: it is loaded when the first file needs it. */
  #open() {
    return (this.#opened ??= import('@aws-sdk/client-s3').then((library) => ({ library, client: makeClient(library, this.#settings) })));
  }
}

function makeClient({ S3Client }: Library, { endpoint, region, accessKeyId, secretAccessKey }: S3Settings): S3Client {
  const client = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts: attempts,
    // Servers other than the vendor's own do not know its newer checksums; the signed hash is one already.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // What it would print, this class repeats or throws.
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    // Each reader of a file holds a connection for as long as it reads.
    requestHandler: { connectionTimeout: 5000, socketTimeout: 60_000, httpAgent: { maxSockets: 1000 }, httpsAgent: { maxSockets: 1000 } },
  });
  // The path of a bucket as most other libraries write it: some servers leave the slash at its end out of the signature.
  client.middlewareStack.add((next) => (args) => {
    const request = args.request as HttpRequest;
    request.path = request.path.replace(/(?<=.)\/$/, '');
    return next(args);
  }, { step: 'build', name: 'plainBucketPath' });
  return client;
}

const ignore = () => {};

const statusOf = (error: unknown) => (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
const isMissing = (error: unknown) => statusOf(error) === 404 && (error as Error).name !== 'NoSuchBucket';
const isPassing = (error: unknown) => (statusOf(error) ?? 500) >= 500;

function explain(error: unknown): never {
  const made = isMissing(error) ? storageErrors.CONTENT_MISSING() : isPassing(error) ? storageErrors.STORAGE_UNAVAILABLE() : undefined;
  if (made) made.cause = error;
  throw made ?? error;
}
