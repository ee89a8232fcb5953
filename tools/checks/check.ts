import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** The folder of the project. */
export const root = join(import.meta.dirname, '../..');

/** One thing that `mainstay test` looks at. It throws `CheckFailed` with what it found. */
export interface Check {
  name: string;
  /** `say` shows a detail beside the name: a count, a base of comparison. */
  run: (say: (detail: string) => void) => Promise<void>;
}

/** What a check found wrong, ready to print. */
export class CheckFailed extends Error {
  override name = 'CheckFailed';
}

/** Runs a program in the project's folder and gives its output; throws `CheckFailed` with the output if it fails. */
export async function runProgram(command: string, args: string[], cwd = root): Promise<string> {
  const { code, output } = await new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { output += text; });
    child.on('error', reject).on('close', (code) => resolve({ code, output }));
  });
  if (code !== 0) throw new CheckFailed(output.trim() || `${command} ended with code ${code}`);
  return output;
}

/** Runs a script under this Node. */
export const runNode = (script: string, ...args: string[]): Promise<string> => runProgram(process.execPath, [script, ...args]);
