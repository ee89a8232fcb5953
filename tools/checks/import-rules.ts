import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ICruiseResult, IModule } from 'dependency-cruiser';
import { type Check, CheckFailed, root } from './check.ts';
import { sourceFiles, sourceFolders } from './source-files.ts';

/** One import that breaks a rule of `.dependency-cruiser.cjs`. */
export interface Breach {
  rule: string;
  from: string;
  to: string;
}

/** What was read, and what was wrong with it. */
export interface Reading {
  files: string[];
  breaches: Breach[];
}

/** Holds every import of a project against the rules of `.dependency-cruiser.cjs`. */
export async function readImports(projectRoot: string): Promise<Reading> {
  const { cruise } = await import('dependency-cruiser');
  const { forbidden, options } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs');
  const folders = sourceFolders.filter((folder) => existsSync(join(projectRoot, folder)));
  const { enhancedResolveOptions, ...cruiseOptions } = options;
  const { output } = await cruise(folders, { ...cruiseOptions, baseDir: projectRoot, validate: true, ruleSet: { forbidden, options } }, enhancedResolveOptions);
  const { modules, summary } = output as ICruiseResult;
  return {
    files: modules.filter(isOurs).map(({ source }) => source),
    breaches: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })),
  };
}

const isOurs = ({ source, coreModule, couldNotResolve }: IModule) => !coreModule && !couldNotResolve && source.endsWith('.ts') && !source.includes('node_modules/') && !source.includes('/gen/');

/** Who may import whom (DESIGN §3). Also fails if the tool read fewer files than there are: with the wrong compiler beside it, it reads none and finds nothing wrong. */
export const importRules: Check = {
  name: 'import rules',
  run: async (say) => {
    const { files, breaches } = await readImports(root);
    const read = new Set(files);
    const unread = sourceFiles(root).filter((file) => !read.has(file));
    if (unread.length > 0) throw new CheckFailed(`${unread.length} files were not read, ${unread.slice(0, 3).join(', ')} …: does dependency-cruiser find its compiler (typescript 6)?`);
    say(`${files.length} files`);
    if (breaches.length > 0) throw new CheckFailed(breaches.map(({ rule, from, to }) => `${rule}: ${from} imports ${to}`).join('\n'));
  },
};
