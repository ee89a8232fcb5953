import type { CommandTools } from '@mainstay/kernel';
import type { GlobalOptions } from './global-options.ts';
import { formatTable } from './terminal/print-table.ts';
import { drawProgress } from './terminal/draw-progress.ts';

/** What the commands of modules get. `options` is asked when it is needed: they are known once the line is parsed. */
export function commandTools(options: () => GlobalOptions): CommandTools {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  return {
    async client(service) {
      const [{ createClient }, { connect }] = await Promise.all([import('@connectrpc/connect'), import('./connection/transport.ts')]);
      return createClient(service, connect(options()));
    },
    print,
    table: (rows) => (options().json ? print(JSON.stringify(rows, null, 2)) : formatTable(rows).forEach(print)),
    progress: drawProgress,
    get json() {
      return options().json === true;
    },
  };
}
