export type { ByteRange, FileStorage, ReceivedContent, StoredContent } from './file-storage.ts';
export { filesSection, readFilesSettings, type FilesSettings } from './files-config.ts';
export { openStorage } from './open-storage.ts';
export { holdRemovals, mayRemoveContents } from './removals.ts';
export { isOfRestore, readRestoreNote, removeRestoreNote, requireNoHalfRestore, type RestoreNote, writeRestoreNote } from './restore-note.ts';
