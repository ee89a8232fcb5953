import { execFileSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';

/** The folders that hold source code, beside the modules' own packages. */
export const sourceFolders = ['kernel', 'modules', 'main', 'cli', 'deploy', 'testing', 'tools', 'bench', 'examples'];

/** Files of the project that git tracks or would track, relative to its folder; by search where there is no git. */
export function sourceFiles(root: string, extension = '.ts'): string[] {
  const folders = sourceFolders.filter((folder) => existsSync(join(root, folder)));
  return listFiles(root, folders).filter((file) => file.endsWith(extension) && existsSync(join(root, file))).sort();
}

function listFiles(root: string, folders: string[]): string[] {
  try {
    const listing = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...folders], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...new Set(listing.split('\0').filter(Boolean))];
  } catch {
    return folders.flatMap((folder) => globSync(`${folder}/**/*.*`, { cwd: root, exclude: (name) => name.endsWith('node_modules') || name.endsWith('gen') }));
  }
}
