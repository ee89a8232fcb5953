import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { bufProgram } from '../buf-program.ts';
import { root, runProgram } from './check.ts';

/** Runs `buf`, the tool for Protocol Buffers, in a folder; throws `CheckFailed` with what it found. */
export const buf = (args: string[], cwd = root): Promise<string> =>
  runProgram(bufProgram, args, cwd);

/** The folders of a tree that hold contracts of our own; `gen/proto` beside them holds those of others. */
export const contractFolders = (tree: string): string[] =>
  ['kernel/contract', 'kernel/testing/contract', ...globSync('{modules,examples}/*/contract', { cwd: tree })].filter((folder) => existsSync(join(tree, folder)));
