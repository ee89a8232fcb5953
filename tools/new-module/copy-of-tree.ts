import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { contractFolders } from '../contract-folders.ts';
import { sourceFiles } from '../checks/source-files.ts';

/** The folder of the project. */
export const root = join(import.meta.dirname, '../..');

/** A copy of the project's sources in a temporary folder, with the same packages and the code of its contracts; remove it when done. */
export function copyOfTree(): string {
  const tree = mkdtempSync(join(tmpdir(), 'mainstay-tree-'));
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json', 'buf.yaml', ...sourceFiles(root, '')]) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    cpSync(join(root, file), join(tree, file));
  }
  for (const folder of ['gen', ...contractFolders(root).map((contract) => `${contract}/gen`)]) if (existsSync(join(root, folder))) cpSync(join(root, folder), join(tree, folder), { recursive: true });
  mkdirSync(join(tree, 'docs'), { recursive: true });
  mkdirSync(join(tree, 'node_modules/@mainstay'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules'))) if (name !== '@mainstay' && !name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(tree, 'node_modules', name));
  cpSync(join(root, 'node_modules/@mainstay'), join(tree, 'node_modules/@mainstay'), { recursive: true, verbatimSymlinks: true });
  return tree;
}
