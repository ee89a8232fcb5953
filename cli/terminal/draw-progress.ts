const width = 30;

/** Shows how far long work is: a bar on a terminal, nothing elsewhere. */
export function drawProgress(done: number, total: number, what: string, out: NodeJS.WriteStream = process.stderr): void {
  if (!out.isTTY) return;
  const filled = total > 0 ? Math.round((width * Math.min(done, total)) / total) : 0;
  out.write(`\r\x1b[2K${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${done}/${total} ${what}${done >= total ? '\n' : ''}`);
}
