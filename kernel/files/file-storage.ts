import type { Readable } from 'node:stream';
import { defineErrors } from '../errors/define-errors.ts';

export const storageErrors = defineErrors('kernel', {
  STORAGE_FULL: ['ResourceExhausted', 'there is no room left for files; remove some, or tell the operator'],
  STORAGE_UNAVAILABLE: ['Unavailable', 'the file storage can not be reached; try again in a moment'],
  CONTENT_MISSING: ['DataLoss', 'the content of the file is missing in the storage; tell the operator'],
});

/** One content in the storage. */
export interface StoredContent {
  key: string;
  /** In bytes. */
  size: number;
  /** When it was written last. */
  modified: Date;
}

/** Content that has arrived whole and is on this machine's disk, but is not kept yet. Exactly one of `keep` and `discard` must be called. */
export interface ReceivedContent {
  /** In bytes. */
  size: number;
  /** SHA-256, 64 hexadecimal digits. */
  sha256: string;
  /** The first bytes, at most 64 KiB: enough to tell what it is. */
  head: Uint8Array;
  /** Puts it into the storage; it survives a power cut from then on. Content that was there under the key is replaced. */
  keep(key: string): Promise<void>;
  discard(): Promise<void>;
}

export interface ByteRange {
  start: number;
  length: number;
}

/**
 * Where the contents of files lie: on disk, or in S3. It knows no people and no names; whoever uses it decides who
 * may see what. A key is lower-case words of letters, digits and hyphens, with slashes between; each content is
 * whole or absent.
 */
export interface FileStorage {
  /** Takes content in as fast as it comes, and holds back whoever sends it. Nothing is left if it breaks off. */
  receive(content: AsyncIterable<Uint8Array>): Promise<ReceivedContent>;
  /** Takes content in and keeps it. */
  write(key: string, content: AsyncIterable<Uint8Array>): Promise<{ size: number; sha256: string }>;
  /** Throws `kernel.CONTENT_MISSING` if there is none under the key. The reader sets the pace. */
  read(key: string, range?: ByteRange): Promise<Readable>;
  find(key: string): Promise<StoredContent | undefined>;
  /** Every content whose key is below `folder`; all of them if absent. What others put there is passed over. */
  list(folder?: string): AsyncIterable<StoredContent>;
  /** Nothing happens if it is gone already. */
  remove(key: string): Promise<void>;
  /** Removes what interrupted uploads left before that time. */
  removeRemnants(before: Date): Promise<void>;
}

const wellFormed = /^[a-z0-9][a-z0-9-]*(\/[a-z0-9][a-z0-9-]*)*$/;

/** Whether something in a storage can be a content, and was not put there by somebody else. */
export const isKey = (key: string): boolean => wellFormed.test(key) && key.length <= 500;

/** The key itself. Throws for one that is not well formed: a programming error. */
export function checkKey(key: string): string {
  if (!isKey(key)) throw new Error(`"${key}" is not a storage key`);
  return key;
}

/** What went wrong in the storage, as callers may see it; anything else as it is. */
export function storageError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const made = code === 'ENOSPC' || code === 'EDQUOT' ? storageErrors.STORAGE_FULL() : code === 'ENOENT' ? storageErrors.CONTENT_MISSING() : undefined;
  if (made) made.cause = error;
  return made ?? error;
}
