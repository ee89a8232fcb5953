import { DiskStorage } from './disk-storage.ts';
import type { FileStorage, StoredContent } from './file-storage.ts';
import type { FilesSettings } from './files-config.ts';
import { S3Storage } from './s3-storage.ts';

/** Opens the storage that a deployment is configured to have. Nothing is reached before the first use. */
export const openStorage = ({ s3 }: FilesSettings, dataFolder: string): FileStorage => (s3 ? new S3Storage(s3, dataFolder) : new DiskStorage(dataFolder));

/** The part of a storage below a folder, as if it were all: what belongs to one module. */
export function storageBelow(storage: FileStorage, folder: string): FileStorage {
  const inside = (key: string) => `${folder}/${key}`;
  const shown = (content: StoredContent): StoredContent => ({ ...content, key: content.key.slice(folder.length + 1) });
  return {
    receive: async (content) => {
      const received = await storage.receive(content);
      return { ...received, keep: (key) => received.keep(inside(key)) };
    },
    write: (key, content) => storage.write(inside(key), content),
    read: (key, range) => storage.read(inside(key), range),
    find: async (key) => {
      const found = await storage.find(inside(key));
      return found && shown(found);
    },
    async *list(below) {
      for await (const content of storage.list(below ? inside(below) : folder)) yield shown(content);
    },
    remove: (key) => storage.remove(inside(key)),
    removeRemnants: (before) => storage.removeRemnants(before),
  };
}
