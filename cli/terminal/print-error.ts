/** Prints what went wrong in one line, never a stack, and gives the exit code. */
export function printError(error: unknown): number {
  process.stderr.write(`mainstay: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
}
