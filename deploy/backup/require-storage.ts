import { isOfRestore } from '@mainstay/kernel/files';
import { OperatorError } from '../controller/operator-error.ts';
import type { PlacedStorage } from './storage-of.ts';

/** Throws an `OperatorError` if the storage can't be read: before the work of hours, not after it. */
export async function requireReadable(storage: PlacedStorage): Promise<void> {
  await holdsAnything(storage);
}

/** Throws an `OperatorError` if the storage can't be read, or holds files already and `force` is not given. */
export async function requireRoomFor(storage: PlacedStorage, force = false): Promise<void> {
  if ((await holdsAnything(storage)) && !force) {
    throw new OperatorError(`${storage.place} holds files already; name another with --deployment FILE, or, if no deployment uses them, restore over them with --force`);
  }
}

async function holdsAnything(storage: PlacedStorage): Promise<boolean> {
  for await (const { key } of storage.list()) if (!isOfRestore(key)) return true;
  return false;
}
