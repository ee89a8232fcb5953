import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { OperatorError } from '@mainstay/deploy';
import { linkPackage } from './linked-packages.ts';
import { namesOf, rename } from './names-of.ts';

const example = 'mod-hello';
const wellFormed = /^(mod|sys)(-[a-z][a-z0-9]*)+$/;

/**
 * Copies the example module to `modules/NAME`, renames it everywhere, and adds it to the build. Gives the files that it
 * wrote or changed. Throws an `OperatorError` for a name that cannot be one, or that is taken.
 */
export function newModule(tree: string, name: string): string[] {
  checkName(tree, name);
  const [from, to] = [namesOf(example), namesOf(name)];
  const source = join(tree, 'examples', example);
  const files = globSync('**/*', { cwd: source, exclude: (path) => /(^|\/)(gen|node_modules)$/.test(path) }).filter((path) => statSync(join(source, path)).isFile());
  const written = files.map((path) => {
    const target = join(tree, 'modules', name, rename(path, from, to));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, rename(readFileSync(join(source, path), 'utf8'), from, to));
    return relative(tree, target);
  });
  addToBuild(tree, name);
  linkPackage(tree, name);
  publish(tree);
  return [...written, 'main/modules.ts', 'package-lock.json'];
}

function checkName(tree: string, name: string): void {
  if (!wellFormed.test(name) || name.length > 31) {
    throw new OperatorError(`"${name}" cannot name a module; write mod- for a product or sys- for the platform, then lower-case words with hyphens between, at most 31 characters: mod-time-sheets`);
  }
  const taken = ['modules', 'examples'].map((folder) => `${folder}/${name}`).find((folder) => existsSync(join(tree, folder)));
  if (taken) throw new OperatorError(`there is a module ${name} already, in ${taken}; choose another name`);
}

/** One line in `main/modules.ts`, at the end of its list. */
function addToBuild(tree: string, name: string): void {
  const file = join(tree, 'main/modules.ts');
  const list = name.startsWith('sys-') ? 'sysMain' : 'modMain';
  const text = readFileSync(file, 'utf8');
  const added = text.replace(new RegExp(`(export const ${list} = [^;]*?)(\\n\\]\\);)`), `$1\n  import('@mainstay/${name}'),$2`);
  if (added === text) throw new OperatorError(`main/modules.ts has no list ${list} of the form that this command knows; add import('@mainstay/${name}') to it yourself`);
  writeFileSync(file, added);
}

/** Generates the code of the new contract, and what is published about all modules. */
function publish(tree: string): void {
  for (const tool of ['generate-contracts', 'publish-deployment-schema', 'publish-access-table']) {
    const file = join(tree, 'tools', `${tool}.ts`);
    if (existsSync(file)) execFileSync(process.execPath, [file], { cwd: tree, stdio: ['ignore', 'ignore', 'inherit'] });
  }
}
