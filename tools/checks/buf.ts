import { bufProgram } from '../buf-program.ts';
import { root, runProgram } from './check.ts';

/** Runs `buf`, the tool for Protocol Buffers, in a folder; throws `CheckFailed` with what it found. */
export const buf = (args: string[], cwd = root): Promise<string> =>
  runProgram(bufProgram, args, cwd);
