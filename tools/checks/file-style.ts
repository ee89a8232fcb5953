import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Check, root } from './check.ts';
import { sourceFiles } from './source-files.ts';

const longFile = 250;

/** Reports files to look at twice: long ones, and names that are not kebab-case. Never fails. */
export const fileStyle: Check = {
  name: 'file style',
  run: async (say) => {
    const files = sourceFiles(root).map((path) => ({ path, lines: readFileSync(join(root, path), 'utf8').split('\n').length - 1 }));
    const sorted = files.map(({ lines }) => lines).sort((a, b) => a - b);
    const remarks = [
      ...files.filter(({ lines }) => lines > longFile).map(({ path, lines }) => `${path} has ${lines} lines`),
      ...files.filter(({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/.test(basename(path))).map(({ path }) => `${path} is not named in kebab-case`),
    ];
    say([`${files.length} files, median ${sorted[sorted.length >> 1] ?? 0} lines`, ...remarks].join('; '));
  },
};
