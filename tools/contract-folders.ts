import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folders of a tree that hold contracts of our own; `gen/proto` beside them holds those of others. */
export const contractFolders = (tree: string): string[] =>
  ['kernel/contract', 'kernel/testing/contract', ...globSync('{modules,examples,bench/placement/modules}/*/contract', { cwd: tree }).sort()].filter((folder) => existsSync(join(tree, folder)));

/** Names the folders of a tree in its `buf.yaml`, so that a module that comes or goes needs no line there. */
export function nameContractFolders(tree: string): void {
  const file = join(tree, 'buf.yaml');
  const before = readFileSync(file, 'utf8');
  const list = [...contractFolders(tree), 'gen/proto'].map((path) => `  - path: ${path}\n`).join('');
  const after = before.replace(/^modules:\n(?: {2}- path: .*\n)*/m, `modules:\n${list}`);
  if (after !== before) writeFileSync(file, after);
}
