import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { projectRoot } from './state-folder.ts';

/** Milliseconds without a further change before the changes are told: an editor, or git, writes several files. */
const quiet = 80;

/** Watches what a process of a deployment reads, and the file `alsoWatch`. Calls `changed` with the paths that changed. */
export function watchSources(alsoWatch: string, changed: (paths: string[]) => void): () => void {
  const pending = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const note = (path: string) => {
    pending.add(path);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const paths = [...pending];
      pending.clear();
      changed(paths);
    }, quiet);
  };
  const watchers: FSWatcher[] = ['kernel', 'modules', 'main'].map((folder) =>
    watch(join(projectRoot, folder), { recursive: true }, (_, name) => { if (name && matters(name)) note(join(folder, name)); }));
  // Editors replace a file, which ends a watch on the file itself.
  watchers.push(watch(dirname(alsoWatch), (_, name) => { if (name === basename(alsoWatch)) note(alsoWatch); }));
  return () => {
    clearTimeout(timer);
    watchers.forEach((watcher) => watcher.close());
  };
}

/** Generated code changes right after its contract; tests and pages are not part of the process. */
const matters = (path: string): boolean =>
  /\.(ts|proto|sql|yaml)$/.test(path) && !/(^|\/)(gen|node_modules|client)\/|\.test\.ts$/.test(path);
