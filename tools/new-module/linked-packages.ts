import { copyFileSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Packages = Record<string, { resolved?: string; link?: boolean }>;

/** What `npm install` would do for a new module, which needs no package of its own; without asking any network. */
export function linkPackage(tree: string, name: string): void {
  const added = { [`modules/${name}`]: { name: `@mainstay/${name}`, version: '0.1.0' }, [`node_modules/@mainstay/${name}`]: { resolved: `modules/${name}`, link: true } };
  changeLock(tree, (packages) => Object.fromEntries(Object.entries({ ...packages, ...added }).sort(([a], [b]) => a.localeCompare(b, 'en'))));
  const linked = join(tree, 'node_modules/@mainstay', name);
  if (!existsSync(linked)) symlinkSync(`../../modules/${name}`, linked);
}

/** The same for modules whose folder is gone; gives their names. */
export function unlinkRemoved(tree: string): string[] {
  const { packages } = readLock(tree);
  const gone = Object.entries(packages).filter(([, { link, resolved }]) => link && resolved?.startsWith('modules/') && !existsSync(join(tree, resolved)));
  if (gone.length === 0) return [];
  const keys = new Set(gone.flatMap(([path, { resolved }]) => [path, resolved!]));
  changeLock(tree, (all) => Object.fromEntries(Object.entries(all).filter(([path]) => !keys.has(path))));
  for (const [path] of gone) rmSync(join(tree, path), { force: true });
  return gone.map(([, { resolved }]) => resolved!.slice('modules/'.length));
}

const lockIn = (tree: string) => join(tree, 'package-lock.json');
const readLock = (tree: string) => JSON.parse(readFileSync(lockIn(tree), 'utf8')) as { packages: Packages };

/** The script takes the packages for current where the copy beside them is equal. */
function changeLock(tree: string, change: (packages: Packages) => Packages): void {
  const lock = readLock(tree);
  lock.packages = change(lock.packages);
  writeFileSync(lockIn(tree), `${JSON.stringify(lock, null, 2)}\n`);
  copyFileSync(lockIn(tree), join(tree, 'node_modules/.mainstay-installed'));
}
