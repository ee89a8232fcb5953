import type { FileStorage } from '@mainstay/kernel/files';

/** A storage in which a restore writes in place, and how to take away again what was not there before. */
export function undoableStorage<Storage extends FileStorage>(storage: Storage): { storage: Storage; undo(): Promise<void> } {
  const made: string[] = [];
  const write: FileStorage['write'] = async (key, content) => {
    if (!(await storage.find(key))) made.push(key);
    return storage.write(key, content);
  };
  const undo = async () => {
    for (let key = made.pop(); key !== undefined; key = made.pop()) await storage.remove(key);
  };
  return { storage: { ...storage, write }, undo };
}
