/** Shows a person what is being done and for how long. */
export interface Steps {
  /** Runs `work` as a named step; what took longer than a second can be seen while it lasts. */
  step<T>(name: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T>;
  /** Prints a line of its own. */
  line(text: string): void;
}

/** Seconds with one decimal, or milliseconds below one second. */
export const duration = (milliseconds: number): string =>
  milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;

/** Steps on a terminal: one line each, rewritten while it runs; elsewhere plain lines. */
export function terminalSteps(out: NodeJS.WriteStream = process.stderr): Steps {
  const write = (text: string) => void out.write(text);
  const mark = (ok: boolean) => (out.isTTY ? (ok ? '\x1b[32m✓\x1b[0m' : '\x1b[31m✗\x1b[0m') : ok ? '✓' : '✗');
  return {
    line: (text) => write(`${text}\n`),
    async step(name, work) {
      const started = performance.now();
      let detail = '';
      const draw = () => write(`\r\x1b[2K… ${name}${detail && ` (${detail})`} ${duration(performance.now() - started)}`);
      const remind = () => write(`… ${name}${detail && ` (${detail})`}\n`);
      const timer = out.isTTY ? setInterval(draw, 200) : setTimeout(remind, 1000);
      const close = (ok: boolean) => {
        clearTimeout(timer);
        write(`${out.isTTY ? '\r\x1b[2K' : ''}${mark(ok)} ${name}${detail && ` (${detail})`}  ${duration(performance.now() - started)}\n`);
      };
      try {
        const result = await work((text) => { detail = text; });
        close(true);
        return result;
      } catch (error) {
        close(false);
        throw error;
      }
    },
  };
}
